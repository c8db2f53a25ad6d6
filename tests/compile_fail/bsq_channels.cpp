// expect: quantizer: expected as many channels from the encoder as it has bits
// expect: ChannelsMatch<4, 8>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/bsq.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

#ifdef FIXED
using Bits = Bsq<4>;
#else
using Bits = Bsq<8>;
#endif
using Vae = VqVae<Encoder, Bits, Decoder>;
std::size_t tokens() { return Vae::tokens; }
