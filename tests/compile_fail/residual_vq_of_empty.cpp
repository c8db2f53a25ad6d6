// expect: ResidualVqOf: at least one level
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/residual_vq.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

#ifdef FIXED
using Spec = ResidualVqOf<Codebook<8>, Codebook<4>>;
#else
using Spec = ResidualVqOf<>;
#endif
using Vae = VqVae<Encoder, Spec, Decoder>;
std::size_t tokens() { return Vae::tokens; }
