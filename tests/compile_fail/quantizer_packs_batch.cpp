// expect: quantizer: packs_batch: expected `static constexpr bool packs_batch`
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

// A function packs_batch would not be read: each step would pay for a pass of the encoder that no term needs.
template <class In, class T>
struct MyQuantizer : testing::SmoothQuantizer<In, T> {
    using Base = testing::SmoothQuantizer<In, T>;
    using typename Base::Cache;
    using typename Base::Packed;
    static void pack_batch(View<const T, In>, Packed&, Cache&) {}
#ifdef FIXED
    static constexpr bool packs_batch = false;
#else
    static constexpr bool packs_batch() { return false; }
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyQuantizer<In, T>;
};
using Vae = VqVae<Encoder, My, Decoder>;
std::size_t tokens() { return Vae::tokens; }
