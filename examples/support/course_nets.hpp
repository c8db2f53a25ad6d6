#pragma once
// The nets of examples 5 to 7, 9, 11, 14 and 15: programs that exchange files must agree on them.

#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace course {

using namespace tessera::nn;

// clang-format off
struct Encoder : Chain<tessera::Shape<28, 28, 1>,
    Conv2d<16, halve4>, Relu,                                          // 14 x 14
    Conv2d<32, halve4>, Relu,                                          //  7 x  7
    Residual<Relu, Conv2d<16, keep3>, Relu, Conv2d<32, keep1>>,
    Conv2d<16, keep1>> {};                                             //  7 x  7 vectors of 16

struct Decoder : Chain<Encoder::Output,
    Conv2d<32, keep3>,
    Residual<Relu, Conv2d<16, keep3>, Relu, Conv2d<32, keep1>>, Relu,
    ConvTranspose2d<16, double4>, Relu,                                // 14 x 14
    ConvTranspose2d<1, double4>> {};                                   // 28 x 28
// clang-format on

using Vae = tessera::VqVae<Encoder, tessera::Codebook<64>, Decoder>;
using Prior = tessera::Gpt<tessera::GptConfig{
    .vocab = Vae::codes, .context = Vae::tokens, .width = 64, .heads = 4, .layers = 2, .classes = 10}>;

/// The command line of the examples: `<folder with digits> [--small]`.
struct Arguments {
    const char* folder = "examples/data";
    bool small = false;  ///< a few steps only, as a smoke test

    Arguments(int argc, char** argv) {
        for (int i = 1; i < argc; ++i)
            if (std::string_view{argv[i]} == "--small")
                small = true;
            else
                folder = argv[i];
    }
};

/// `count` evenly spaced indices of a set, which may be sorted by class.
inline std::vector<std::size_t> evenly(std::size_t count, std::size_t of) {
    std::vector<std::size_t> indices(count);
    for (std::size_t i = 0; i < count; ++i) indices[i] = i * of / count;
    return indices;
}

}  // namespace course
