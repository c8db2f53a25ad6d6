// expect: VqVae: the decoder must take exactly what the quantizer gives
// expect: Shape<7, 7, 32>
// expect: Shape<7, 7, 64>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
using Code = Shape<7, 7, 32>;
#else
using Code = Shape<7, 7, 64>;
#endif
struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<32, halve4>> {};
struct Decoder : Chain<Code, ConvTranspose2d<1, double4>> {};

using Vae = VqVae<Encoder, Codebook<512>, Decoder>;
std::size_t tokens() { return Vae::tokens; }
