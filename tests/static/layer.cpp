// The concepts of nn/layer.hpp: types that are layers, and types that lack one member.
#include <tessera/nn/layer.hpp>

#include <concepts>

using namespace tessera;
using nn::Layer;
using nn::LayerSpec;

namespace {

using S = Shape<3>;
using X = View<const float, S>;
using Y = View<float, S>;

struct Good {
    using Scalar = float;
    using Input = S;
    using Output = S;
    using Params = Empty;
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void forward(const Params&, X, Y, Cache&) {}
    static void backward(const Params&, X, X, X, Y, Cache&, Params&) {}
};
static_assert(Layer<Good>);

struct IntegerScalar : Good {
    using Scalar = int;
};
struct NoShape : Good {
    using Input = int;
};
struct NoParams : Good {
    using Params = int;
};
struct CacheWithoutDefault : Good {
    struct Cache {
        explicit Cache(int) {}
    };
};
struct ForwardOfOthers : Good {
    static void forward(const Params&, View<const float, Shape<4>>, Y, Cache&) {}
};
struct MutableWeights : Good {
    static void forward(Params&, X, Y, Cache&) {}
};
struct NoBackward {
    using Scalar = float;
    using Input = S;
    using Output = S;
    using Params = Empty;
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void forward(const Params&, X, Y, Cache&) {}
};
static_assert(!Layer<int> && !Layer<IntegerScalar> && !Layer<NoShape> && !Layer<NoParams>);
static_assert(!Layer<CacheWithoutDefault> && !Layer<ForwardOfOthers> && !Layer<MutableWeights> && !Layer<NoBackward>);

// A layer that takes tokens needs backward_params instead of backward.
struct TokensAlone {
    using Scalar = float;
    using InputScalar = unsigned short;
    using Input = S;
    using Output = S;
    using Params = Empty;
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const unsigned short, S>, Y, Cache&) {}
};
struct Tokens : TokensAlone {
    static void backward_params(const Params&, View<const unsigned short, S>, X, X, Cache&, Params&) {}
};
static_assert(!Layer<TokensAlone> && Layer<Tokens>);
static_assert(nn::TakesTokens<Tokens> && !nn::TakesTokens<Good>);

// With a Packed, forward and backward read that.
struct WithPacked : Good {
    struct Packed {};
    static void pack(const Params&, Packed&) {}
    static void forward(const Packed&, X, Y, Cache&) {}
    static void backward(const Packed&, X, X, X, Y, Cache&, Params&) {}
};
struct PackedButReadsParams : Good {
    struct Packed {};
};
static_assert(Layer<WithPacked> && !Layer<PackedButReadsParams>);
static_assert(std::same_as<nn::Weights<WithPacked>, WithPacked::Packed> && std::same_as<nn::Weights<Good>, Empty>);

struct Spec {
    template <StaticShape In, std::floating_point T>
    using Bind = Good;
};
struct NotASpec {
    template <StaticShape In, std::floating_point T>
    using Bind = NoBackward;
};
static_assert(LayerSpec<Spec, S>);
static_assert(!LayerSpec<NotASpec, S> && !LayerSpec<int, S> && !LayerSpec<Good, S> && !LayerSpec<Spec, int>);

static_assert(Parameters<Empty> && !Parameters<int>);

}  // namespace
