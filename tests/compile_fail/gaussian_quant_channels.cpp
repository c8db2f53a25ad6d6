// expect: GaussianQuant: expected an even number of channels from the encoder: means and logarithms of variances
// expect: GaussianQuantChannels<5>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
constexpr std::size_t channels = 4;
#else
constexpr std::size_t channels = 5;
#endif
struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<channels, halve4>> {};
struct Decoder : Chain<Shape<7, 7, 2>, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, GaussianQuant<64>, Decoder>;
std::size_t tokens() { return Vae::tokens; }
