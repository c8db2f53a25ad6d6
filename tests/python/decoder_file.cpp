// Writes two files for decoder.py: the weights of a VQ-VAE as io::save gives them, and codes with the images that the
// decoder makes of them.

#include <tessera/io/weights.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <array>
#include <cstdint>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

struct Encoder : Chain<Shape<28, 28, 1>, Conv2d<32, halve4>, Relu, Conv2d<32, halve4>> {};
struct Decoder : Chain<Encoder::Output, Conv2d<64, keep3>,
                       Residual<Relu, Conv2d<32, keep3, no_bias>, Relu, Conv2d<64, keep1, no_bias>>, Relu,
                       ConvTranspose2d<32, double4>, Relu, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, Codebook<64>, Decoder>;

}  // namespace

int main(int, char** argv) {
    Rng rng{1};
    Vae vae{rng};
    io::save(argv[1], vae);

    std::vector<Token> codes(3 * Vae::tokens);
    for (Token& code : codes) code = static_cast<Token>(rng.below(Vae::codes));
    const auto images = vae.decode(data::Tokens<Vae::tokens>{codes});
    io::SafetensorsWriter file;
    const std::vector<float> numbers(codes.begin(), codes.end());
    file.add("codes", std::array<std::uint64_t, 3>{3, 7, 7}, std::span<const float>{numbers});
    file.add("images", std::array<std::uint64_t, 4>{3, 1, 28, 28}, images.span());
    file.write(argv[2]);
}
