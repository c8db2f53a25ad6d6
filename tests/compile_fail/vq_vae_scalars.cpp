// expect: VqVae: encoder and decoder must have one scalar type
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
using Scalar = float;
#else
using Scalar = double;
#endif
struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : BasicChain<Scalar, Encoder::Output, ConvTranspose2d<1, double4>> {};

using Vae = VqVae<Encoder, Codebook<512>, Decoder>;
std::size_t tokens() { return Vae::tokens; }
