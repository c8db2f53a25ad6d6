// expect: quantizer: expected as many channels from the encoder as it has bits
// expect: ChannelsMatch<4, 3>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/residual_fsq.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

#ifdef FIXED
using Spec = ResidualFsq<2, 5, 5, 5, 5>;
#else
using Spec = ResidualFsq<2, 5, 5, 5>;
#endif
using Vae = VqVae<Encoder, Spec, Decoder>;
std::size_t tokens() { return Vae::tokens; }
