#pragma once
// The nets of both presets, with any quantizer. No size is written twice: the width of the codebook follows from the
// encoder, vocabulary and context of the prior from the VQ-VAE.

#include "classes.hpp"
#include "quantizers.hpp"

#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <cstddef>

namespace digits {

using namespace tessera::nn;

/// Branch of a residual connection: 3 x 3 to few channels, 1 x 1 back to all.
template <std::size_t Channels>
using Branch = Residual<Relu, Conv2d<32, keep3, no_bias>, Relu, Conv2d<Channels, keep1, no_bias>>;

// clang-format off
template <std::size_t Channels, std::size_t Width, std::size_t Side = 28>
using EncoderChain = Chain<tessera::Shape<Side, Side, 1>,
    Conv2d<Channels / 2, halve4>, Relu,                // 14 x 14
    Conv2d<Channels, halve4>, Relu,                    //  7 x  7
    Conv2d<Channels, keep3>,
    Branch<Channels>, Branch<Channels>, Relu,
    Conv2d<Width, keep1>>;                             // one vector per position

template <std::size_t Channels, std::size_t Width, std::size_t Side = 28>
using DecoderChain = Chain<tessera::Shape<Side / 4, Side / 4, Width>,
    Conv2d<Channels, keep3>,
    Branch<Channels>, Branch<Channels>, Relu,
    ConvTranspose2d<Channels / 2, double4>, Relu,      // 14 x 14
    ConvTranspose2d<1, double4>>;                      // 28 x 28
// clang-format on

/// The nets of the first stage.
template <Preset P>
inline constexpr std::size_t channels_of = P == Preset::small ? 64 : 128;
template <Preset P, std::size_t Width>
struct Encoder : EncoderChain<channels_of<P>, Width> {};
template <Preset P, std::size_t Width>
struct Decoder : DecoderChain<channels_of<P>, Width> {};
template <class Chosen>
inline constexpr std::size_t decoded_width = tessera::last_dim<typename Chosen::template Bound<>::Output>;
template <Preset P, class Chosen>
using VaeOf = tessera::VqVae<Encoder<P, Chosen::width>, typename Chosen::Quantizer, Decoder<P, decoded_width<Chosen>>>;

inline constexpr std::size_t grid_rows = 7;  // of tokens

constexpr tessera::GptConfig with_llama_block(tessera::GptConfig config) {
    config.norm = tessera::GptNorm::rms_norm;
    config.mlp = tessera::GptMlp::swiglu;
    config.positions = tessera::GptPositions::rotary_grid;
    config.columns = config.context / grid_rows;
    config.bias = false;
    return config;
}

/// The net of the second stage.
template <Preset P, std::size_t Vocab, std::size_t Context>
struct PriorNet {
    static constexpr bool is_small = P == Preset::small;
    /// With the block of GPT-2: where the benchmarks compare with other libraries.
    static constexpr tessera::GptConfig gpt2{.vocab = Vocab,
                                             .context = Context,
                                             .width = is_small ? 128 : 256,
                                             .heads = is_small ? 4 : 8,
                                             .layers = is_small ? 4 : 6,
                                             .classes = max_classes};
    /// With the block of LLaMA, and positions by the row and column of a token: see recipe.hpp.
    static constexpr tessera::GptConfig config = with_llama_block(gpt2);
    using type = tessera::Gpt<config>;
    using Gpt2 = tessera::Gpt<gpt2>;
};
template <Preset P, std::size_t Vocab, std::size_t Context>
using PriorOf = typename PriorNet<P, Vocab, Context>::type;

}  // namespace digits
