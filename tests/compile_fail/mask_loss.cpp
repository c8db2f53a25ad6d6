// expect: VqVae: a mask of pixels needs a loss that is zero at the target
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
#ifdef FIXED
using MyLoss = Mse;
#else
using MyLoss = GaussianNll;
#endif
using Vae = VqVae<Encoder, Codebook<4>, Decoder, MyLoss>;

Vae::Batch batch(Vae::Images x, Vae::Batch::Mask mask) { return {x, mask}; }
