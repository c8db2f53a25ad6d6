// expect: no matching function for call to .Trainer|no viable constructor or deduction guide for .* 'Trainer'
// expect: const Vae|const tessera::VqVae
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, Codebook<4>, Decoder>;

#ifdef FIXED
void train(Vae& vae, View<const float, Vae::Input> x) {
#else
void train(const Vae& vae, View<const float, Vae::Input> x) {
#endif
    Trainer trainer{vae, AdamW{vae}};
    trainer.step(x);
}
