// expect: quantizer: codes_of: expected a number from 1 to codes, the same for one level of all positions
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

template <class In, class T>
struct MyQuantizer : testing::SmoothQuantizer<In, T> {
    using Base = testing::SmoothQuantizer<In, T>;
#ifdef FIXED
    static constexpr std::size_t codes_of(std::size_t) { return 2; }
#else
    static constexpr std::size_t codes_of(std::size_t i) { return i + 1; }
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyQuantizer<In, T>;
};
using Vae = VqVae<Encoder, My, Decoder>;
std::size_t tokens() { return Vae::tokens; }
