#include <bench/step/vq_vae.hpp>

namespace bench {
namespace {

using namespace tessera::nn;

/// The small net for square images whose side is a multiple of 4.
// clang-format off
template <std::size_t Side>
struct Encoder : Chain<ts::Shape<Side, Side, 1>,
    Conv2d<32, halve4>, Relu,
    Conv2d<64, halve4>, Relu,
    Conv2d<64, keep3>,
    digits::Branch<64>, digits::Branch<64>, Relu,
    Conv2d<32, keep1>> {};
template <std::size_t Side>
struct Decoder : Chain<typename Encoder<Side>::Output,
    Conv2d<64, keep3>,
    digits::Branch<64>, digits::Branch<64>, Relu,
    ConvTranspose2d<32, double4>, Relu,
    ConvTranspose2d<1, double4>> {};
// clang-format on

template <std::size_t Side>
void add_side(Rows& rows) {
    add_training<ts::VqVae<Encoder<Side>, ts::Codebook<256>, Decoder<Side>>, VqVaeFlops<64, 32, 256, Side>>(
        rows, "scale-image/" + std::to_string(Side), 64);
}

}  // namespace

void add_vq_vae_image(Rows& rows) {
    add_side<28>(rows);
    add_side<56>(rows);
}

}  // namespace bench
