// expect: likelihood: the prior must have the tokens and the vocabulary of the VqVae
#include <tessera/codec/likelihood.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;

struct Encoder : nn::Chain<Shape<2, 2, 1>, nn::Conv2d<4, nn::keep1>> {};
struct Decoder : nn::Chain<Shape<2, 2, 4>, nn::Conv2d<1, nn::keep1>> {};
using Vae = VqVae<Encoder, Codebook<8>, Decoder>;
#ifdef FIXED
constexpr std::size_t vocab = Vae::codes;
#else
constexpr std::size_t vocab = 7;
#endif
using Prior = Gpt<GptConfig{.vocab = vocab, .context = Vae::tokens, .width = 8, .heads = 2, .layers = 1}>;
double bits(const Vae& vae, const Prior& prior, const data::Images<Shape<2, 2, 1>>& images) {
    return codec::likelihood(vae.freeze(), prior.freeze(), images, {.sigma = 0.1}).bits_per_image();
}
