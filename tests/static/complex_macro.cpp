// The imaginary unit of C's <complex.h>, which g++ and clang define unless told -std=c++20, before anything else: xsimd
// has a parameter of this name. Compiled only.
#define I (_Complex_I)

#include <tessera/data/image_folder.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/tessera.hpp>

#ifndef I
#error "the macro of the host is gone"
#endif

double evaluate_in_a_host_with_complex_numbers(const char* folder) {
    namespace ts = tessera;
    using ts::nn::Chain, ts::nn::Conv2d, ts::nn::ConvTranspose2d, ts::nn::Relu, ts::nn::Sigmoid;
    struct Encoder : Chain<ts::Shape<8, 8, 1>, Conv2d<8, ts::nn::halve4>, Relu> {};
    struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, ts::nn::double4>, Sigmoid> {};
    ts::Rng rng{1};
    ts::VqVae<Encoder, ts::Codebook<16>, Decoder> vae{rng};
    ts::Trainer trainer{vae, ts::AdamW{vae}};
    const auto set = ts::data::load_image_folder<ts::Shape<8, 8, 1>>(folder);
    for (auto&& batch : ts::batches(set.train, 16, rng)) trainer.step(batch);
    return vae.evaluate(set.train).mse;
}
