// expect: VqVae: the decoder must give back what the encoder takes
// expect: Shape<14, 14, 1>
// expect: Shape<14, 14, 3>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
constexpr std::size_t channels = 1;
#else
constexpr std::size_t channels = 3;
#endif
struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<32, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<channels, double4>> {};

using Vae = VqVae<Encoder, Codebook<512>, Decoder>;
std::size_t tokens() { return Vae::tokens; }
