#include <tessera/nn/layer.hpp>

#include <doctest/doctest.h>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/layer_norm.hpp>

#include <algorithm>
#include <type_traits>

using namespace tessera;
using nn::Pass;

namespace {

using Norm = nn::LayerNorm::Bind<Shape<2, 4>, float>;
using Drop = nn::Dropout<nn::Probability{.percent = 50}>::Bind<Shape<8>, float>;

// Doubles its weight when it packs, and counts the calls.
struct PackingLayer {
    using Scalar = float;
    using Input = Shape<2>;
    using Output = Shape<2>;
    struct Params {
        Param<float, Shape<1>> weight;
        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("weight", p.weight...);
        }
    };
    struct Packed {
        float twice = 0;
    };
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void pack(const Params& p, Packed& w) { w.twice = 2 * p.weight[0]; }
    static void forward(const Packed& w, View<const float, Input> x, View<float, Output> y, Cache&) {
        for (std::size_t i = 0; i < x.elements(); ++i) y.data()[i] = w.twice * x.data()[i];
    }
    static void backward(const Packed& w, View<const float, Input> x, View<const float, Output>,
                         View<const float, Output> dy, View<float, Input> dx, Cache&, Params& grad) {
        for (std::size_t i = 0; i < x.elements(); ++i) {
            dx.data()[i] = w.twice * dy.data()[i];
            grad.weight[0] += 2 * x.data()[i] * dy.data()[i];
        }
    }
};
static_assert(nn::Layer<PackingLayer>);

}  // namespace

TEST_CASE("Weights: Packed where a layer has one, or its Params") {
    CHECK(std::is_same_v<nn::Weights<PackingLayer>, PackingLayer::Packed>);
    CHECK(std::is_same_v<nn::Weights<Norm>, Norm::Params>);
}

TEST_CASE("InputScalar: that of the layer, or its Scalar by default") {
    using Tokens = nn::Embedding<8, 4>::Bind<Shape<3>, float>;
    CHECK(std::is_same_v<nn::InputScalar<Tokens>, Token>);
    CHECK(std::is_same_v<nn::InputScalar<Norm>, float>);
}

TEST_CASE("pack: calls the pack of the layer, or copies") {
    PackingLayer::Params p;
    p.weight[0] = 3;
    PackingLayer::Packed w;
    nn::pack<PackingLayer>(p, w);
    CHECK(w.twice == 6);

    Norm::Params norm, copy;
    norm.weight[3] = 5;
    nn::pack<Norm>(norm, copy);
    CHECK(copy.weight[3] == 5);
}

TEST_CASE("begin: is called for a layer that has one, and does nothing for any other layer") {
    Drop::Cache cache;
    nn::begin<Drop>(cache, Pass{.training = true, .rng = Rng{5}, .first = 9});
    CHECK(cache.pass.training);
    CHECK(cache.pass.first == 9);
    Norm::Cache none;
    nn::begin<Norm>(none, Pass{.training = true});
}

TEST_CASE("backward_params: a layer without one gets a scratch dx") {
    const PackingLayer::Packed w{.twice = 4};
    PackingLayer::Params grad;
    Empty cache;
    Tensor<float, Shape<2>> x{1}, y{1}, dy{1}, scratch;
    x[0][0] = 3;
    dy[0][0] = 5;
    nn::backward_params<PackingLayer>(w, std::as_const(x), std::as_const(y), std::as_const(dy), scratch, cache, grad);
    CHECK(grad.weight[0] == 30);
    CHECK(scratch[0][0] == 20);
}
