// expect: BinaryResidual: 1 to 24 rounds: a float holds no finer steps
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/binary_residual.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

#ifdef FIXED
using Spec = BinaryResidual<24>;
#else
using Spec = BinaryResidual<25>;
#endif
using Vae = VqVae<Encoder, Spec, Decoder>;
std::size_t tokens() { return Vae::tokens; }
