// expect: name: expected `static constexpr std::string_view name`
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

// A function `name` would not be read: a file of another quantizer with the same shapes would be loaded.
template <class In, class T>
struct MyQuantizer : testing::SmoothQuantizer<In, T> {
#ifdef FIXED
    static constexpr std::string_view name = "Mine";
#else
    static std::string_view name() { return "Mine"; }
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyQuantizer<In, T>;
};
using Vae = VqVae<Encoder, My, Decoder>;
std::size_t tokens() { return Vae::tokens; }
