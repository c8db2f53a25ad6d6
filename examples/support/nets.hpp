#pragma once
// The nets of both presets, with either quantizer. No size is written twice: the width of the codebook follows from the
// encoder, vocabulary and context of the prior from the VQ-VAE.

#include "classes.hpp"

#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <cstddef>

namespace digits {

using namespace tessera::nn;

/// Branch of a residual connection: 3 x 3 to few channels, 1 x 1 back to all.
template <std::size_t Channels>
using Branch = Residual<Relu, Conv2d<32, keep3, no_bias>, Relu, Conv2d<Channels, keep1, no_bias>>;

// clang-format off
template <std::size_t Channels, std::size_t Width>
using EncoderChain = Chain<tessera::Shape<28, 28, 1>,
    Conv2d<Channels / 2, halve4>, Relu,                // 14 x 14
    Conv2d<Channels, halve4>, Relu,                    //  7 x  7
    Conv2d<Channels, keep3>,
    Branch<Channels>, Branch<Channels>, Relu,
    Conv2d<Width, keep1>>;                             // one vector, so one token, per position

template <std::size_t Channels, std::size_t Width>
using DecoderChain = Chain<tessera::Shape<7, 7, Width>,
    Conv2d<Channels, keep3>,
    Branch<Channels>, Branch<Channels>, Relu,
    ConvTranspose2d<Channels / 2, double4>, Relu,      // 14 x 14
    ConvTranspose2d<1, double4>>;                      // 28 x 28
// clang-format on

template <class QuantizerSpec, std::size_t Width>
struct SmallNets {
    static constexpr const char* name = "small";
    struct Encoder : EncoderChain<64, Width> {};
    struct Decoder : DecoderChain<64, Width> {};
    using Vae = tessera::VqVae<Encoder, QuantizerSpec, Decoder>;
    using Prior = tessera::Gpt<tessera::GptConfig{
        .vocab = Vae::codes, .context = Vae::tokens, .width = 128, .heads = 4, .layers = 4, .classes = max_classes}>;
};

template <class QuantizerSpec, std::size_t Width>
struct StdNets {
    static constexpr const char* name = "std";
    struct Encoder : EncoderChain<128, Width> {};
    struct Decoder : DecoderChain<128, Width> {};
    using Vae = tessera::VqVae<Encoder, QuantizerSpec, Decoder>;
    using Prior = tessera::Gpt<tessera::GptConfig{
        .vocab = Vae::codes, .context = Vae::tokens, .width = 256, .heads = 8, .layers = 6, .classes = max_classes}>;
};

struct Small : SmallNets<tessera::Codebook<256>, 32> {
    static constexpr const char* quantizer = "codebook";
};
struct Std : StdNets<tessera::Codebook<512>, 64> {
    static constexpr const char* quantizer = "codebook";
};

/// Four channels are rounded to 8, 5, 5 and 5 levels: a vocabulary of 1000, with nothing learned.
using Levels = tessera::Fsq<8, 5, 5, 5>;
struct SmallFsq : SmallNets<Levels, 4> {
    static constexpr const char* quantizer = "fsq";
};
struct StdFsq : StdNets<Levels, 4> {
    static constexpr const char* quantizer = "fsq";
};

}  // namespace digits
