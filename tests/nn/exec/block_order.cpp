#include <tessera/nn/exec/block_order.hpp>

#include <doctest/doctest.h>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/residual.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

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

TEST_CASE("BlockOrder: the first block never waits, and the next one waits for each addition") {
    BlockProgress progress[2];
    kernel::Patience patience{BlockOrder::spins};
    BlockOrder first{nullptr, progress[0], patience}, second{&progress[0], progress[1], patience};
    std::atomic<int> at{0};
    std::thread other{[&] {
        for (int k = 1; k <= 3; ++k) nn::in_order(&second, [&] { at = k; });
    }};
    for (int k = 1; k <= 3; ++k) {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});  // long enough for the other to sleep
        CHECK(at == k - 1);
        nn::in_order(&first, [] {});
        while (at != k) std::this_thread::yield();
    }
    other.join();
    CHECK(progress[0].added == 3);
    CHECK(progress[1].added == 3);
}

TEST_CASE("BlockOrder: many blocks on many threads add in the order of the blocks") {
    constexpr std::size_t blocks = 9, layers = 50;
    for (int again = 0; again < 20; ++again) {
        std::vector<BlockProgress> progress(blocks);
        kernel::Patience patience{BlockOrder::spins};
        std::vector<std::vector<std::size_t>> added(layers);
        std::vector<std::thread> threads;
        for (std::size_t b = blocks; b-- > 0;)  // the last one starts first
            threads.emplace_back([&, b] {
                BlockOrder order{b == 0 ? nullptr : &progress[b - 1], progress[b], patience};
                for (std::size_t l = 0; l < layers; ++l) nn::in_order(&order, [&] { added[l].push_back(b); });
                order.finish();
            });
        for (std::thread& thread : threads) thread.join();
        for (const auto& layer : added) {
            REQUIRE(layer.size() == blocks);
            for (std::size_t b = 0; b < blocks; ++b) REQUIRE(layer[b] == b);
        }
    }
}

TEST_CASE("BlockOrder: the next block does not wait for one that has finished") {
    BlockProgress progress[2];
    kernel::Patience patience{BlockOrder::spins};
    BlockOrder first{nullptr, progress[0], patience}, second{&progress[0], progress[1], patience};
    first.finish();
    int calls = 0;
    for (int k = 0; k < 5; ++k) nn::in_order(&second, [&] { ++calls; });
    CHECK(calls == 5);
}

TEST_CASE("BlockOrder: an exception is not counted as an addition") {
    BlockProgress progress[1];
    kernel::Patience patience{BlockOrder::spins};
    BlockOrder order{nullptr, progress[0], patience};
    CHECK_THROWS_AS(nn::in_order(&order, [] { throw std::runtime_error("layer"); }), std::runtime_error);
    CHECK(progress[0].added == 0);
}

TEST_CASE("BlockOrder: layers without parameters, and chains, do not wait as a whole") {
    BlockProgress progress[1];
    kernel::Patience patience{BlockOrder::spins};
    BlockOrder order{nullptr, progress[0], patience};
    nn::backward_in_order<WithoutWeight>(&order, [] {});
    nn::backward_in_order<OrderNet>(&order, [] {});
    CHECK(progress[0].added == 0);
    nn::backward_in_order<WithWeight>(&order, [] {});
    CHECK(progress[0].added == 1);
    CHECK(nn::order_inside<OrderNet>(&order) == &order);
    CHECK(nn::order_inside<WithWeight>(&order) == nullptr);
    int calls = 0;
    nn::in_order(nullptr, [&] { ++calls; });
    CHECK(calls == 1);
}
