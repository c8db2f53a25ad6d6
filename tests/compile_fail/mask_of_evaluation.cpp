// expect: VqVae: a mask of pixels needs an encoder whose output has the rank of the images and dimensions that divide
#include <tessera/data/images.hpp>
#include <tessera/data/padded.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
#else
struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>, Reshape<4, 2>> {};
struct Decoder : Chain<Encoder::Output, Reshape<2, 2, 2>, ConvTranspose2d<1, double4>> {};
#endif
using Vae = VqVae<Encoder, Codebook<4>, Decoder>;
using Small = data::Images<Shape<2, 2, 1>>;

double error(const Vae& vae, const data::Padded<Vae::Input, Small>& images) { return vae.evaluate(images).mse; }
