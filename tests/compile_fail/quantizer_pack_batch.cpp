// expect: quantizer: pack_batch: expected `static void pack_batch\(View<const T, Input> z, Packed&, Cache&
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
    using typename Base::Cache;
    using typename Base::Packed;
#ifdef FIXED
    static void pack_batch(View<const T, In>, Packed&, Cache&) {}
#else
    static void pack_batch(Packed&, View<const T, In>) {}
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyQuantizer<In, T>;
};
using Vae = VqVae<Encoder, My, Decoder>;
std::size_t tokens() { return Vae::tokens; }
