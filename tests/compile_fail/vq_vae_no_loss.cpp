// expect: VqVae: the fourth argument is not a valid LossSpec for this image shape: see loss/loss.hpp
// expect: SpecIsLoss<.*Shape<14, 14, 1>
#include <tessera/loss/l1.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

#ifdef FIXED
using Difference = L1;
#else
using Difference = L1Loss<Shape<14, 14, 1>, float>;
#endif
using Vae = VqVae<Encoder, Codebook<512>, Decoder, Difference>;
std::size_t tokens() { return Vae::tokens; }
