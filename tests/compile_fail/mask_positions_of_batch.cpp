// expect: VqVae: a mask of pixels needs a quantizer with the same tokens for each position
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<4, 4, 1>, Conv2d<2, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

// One token for a whole sample of four positions.
template <class In, class T>
struct OneToken : testing::SmoothQuantizer<In, T> {
    using Base = testing::SmoothQuantizer<In, T>;
    using typename Base::Cache;
    using typename Base::Packed;
    using typename Base::Params;
    static constexpr std::size_t tokens = 1;
    using One = Shape<1>;
    static void forward(const Packed&, const nn::Pass&, View<const T, In>, View<Token, One>, View<T, In>, Cache&) {}
    static void lookup(const Packed&, View<const Token, One>, View<T, In>, Cache&) {}
    static void backward(const Packed&, View<const T, In>, View<const Token, One>, View<const T, In>, View<const T, In>,
                         View<T, In>, Cache&, Params&) {}
};
struct OfSample {
    template <class In, class T>
    using Bind = OneToken<In, T>;
};
#ifdef FIXED
using Vae = VqVae<Encoder, Codebook<4>, Decoder>;
#else
using Vae = VqVae<Encoder, OfSample, Decoder>;
#endif

Vae::Batch batch(Vae::Images x, Vae::Batch::Mask mask) { return {x, mask}; }
