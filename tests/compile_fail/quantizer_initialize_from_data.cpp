// expect: quantizer: initialize_from_data: expected `static void initialize_from_data\(Params&, Buffers&, View<const T, Input> z, const Options&
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
    using typename Base::Buffers;
    using typename Base::Cache;
    using typename Base::Options;
    using typename Base::Packed;
    using typename Base::Params;
    using Tokens = View<const Token, Shape<Base::tokens>>;
#ifdef FIXED
    static void initialize_from_data(Params&, Buffers&, View<const T, In>, const Options&, Rng) {}
#else
    static void initialize_from_data(Buffers&, View<const T, In>, Rng) {}
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyQuantizer<In, T>;
};
using Vae = VqVae<Encoder, My, Decoder>;
std::size_t tokens() { return Vae::tokens; }
