// expect: ResidualFsq: the product of the levels must be less than 2\^32 - 1: a token has 32 bits
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/residual_fsq.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
using Spec = ResidualFsq<1, 255, 256, 255>;
constexpr std::size_t channels = 3;
#else
using Spec = ResidualFsq<1, 256, 256, 256, 256>;
constexpr std::size_t channels = 4;
#endif
struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<channels, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, Spec, Decoder>;
std::size_t tokens() { return Vae::tokens; }
