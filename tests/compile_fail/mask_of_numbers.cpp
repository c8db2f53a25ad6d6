// expect: VqVae: batch: mask: expected a View<const std::uint8_t, ...> of one number for each pixel
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <cstdint>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, Codebook<4>, Decoder>;

struct Batch {
    Vae::Images x;
#ifdef FIXED
    View<const std::uint8_t, Vae::Input> mask;
#else
    View<const float, Vae::Input> mask;
#endif
    operator Vae::Images() const { return x; }
};

double error(const Vae& vae, const Batch& batch) { return vae.evaluate(batch).mse; }
