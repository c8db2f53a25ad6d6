#include <tessera/nn/exec/orders_gradient.hpp>

#include <doctest/doctest.h>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/residual.hpp>

using namespace tessera;
using nn::BlockOrder;
using nn::BlockProgress;

namespace {

using OrderInput = Shape<3, 8>;
using OrderPart = nn::Residual<nn::LayerNorm, nn::Linear<8>>;
using OrderNet = nn::Chain<OrderInput, OrderPart, nn::Gelu, nn::Repeat<2, OrderPart>, nn::Linear<4>>;

struct DerivedChain : OrderNet {};
// Adds to the gradient outside the functions of the chain.
struct ChainWithBackward : nn::Chain<OrderInput, nn::Linear<8>> {
    using Base = nn::Chain<OrderInput, nn::Linear<8>>;
    static void backward(const Packed& w, View<const float, OrderInput> x, View<const float, OrderInput> y,
                         View<const float, OrderInput> dy, View<float, OrderInput> dx, Cache& cache, Params& grad) {
        Base::backward(w, x, y, dy, dx, cache, grad);
    }
};
struct ResidualWithParams : nn::Residual<nn::LayerNorm, nn::Linear<8>>::Bind<OrderInput, float> {
    static void backward_params(const Packed&, View<const float, OrderInput>, View<const float, OrderInput>,
                                View<const float, OrderInput>, Cache&, Params&) {}
};
struct ChainWithBegin : nn::Chain<OrderInput, nn::Linear<8>> {
    static void begin(Cache&, const nn::Pass&) {}
};

static_assert(nn::OrdersGradient<OrderNet> && nn::OrdersGradient<DerivedChain>);
static_assert(nn::OrdersGradient<OrderPart::Bind<OrderInput, float>>);
static_assert(nn::OrdersGradient<nn::Repeat<2, OrderPart>::Bind<OrderInput, double>>);
static_assert(!nn::OrdersGradient<nn::Linear<8>::Bind<OrderInput, float>>);
static_assert(!nn::OrdersGradient<ResidualWithParams>);
static_assert(!nn::OrdersGradient<ChainWithBackward> && !nn::OrdersGradient<ChainWithBegin>);

struct WithWeight {
    struct Params {
        Param<float, Shape<1>> w;
    };
};
struct WithoutWeight {
    using Params = Empty;
};

}  // namespace

TEST_CASE("OrdersGradient: layers without parameters, and chains, do not wait as a whole") {
    BlockProgress progress[1];
    kernel::AdaptiveSpin spin{BlockOrder::spins};
    BlockOrder order{nullptr, progress[0], spin};
    nn::backward_in_order<WithoutWeight>(&order, [] {});
    nn::backward_in_order<OrderNet>(&order, [] {});
    CHECK(progress[0].additions == 0);
    nn::backward_in_order<WithWeight>(&order, [] {});
    CHECK(progress[0].additions == 1);
    CHECK(nn::order_inside<OrderNet>(&order) == &order);
    CHECK(nn::order_inside<WithWeight>(&order) == nullptr);
}
