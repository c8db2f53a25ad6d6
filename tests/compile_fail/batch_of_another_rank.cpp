// expect: (cannot convert|no viable conversion from) .*Tensor<float, .*(VqVae<Encoder, .*|Frozen)::Batch
// expect: Shape<16>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, Codebook<4>, Decoder>;

#ifdef FIXED
using Image = Shape<4, 4, 1>;
#else
using Image = Shape<16>;
#endif
auto reconstruct(const Vae& vae, const Tensor<float, Image>& images) { return vae.reconstruct(images); }
