#include <tessera/nn/exec/block_order.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace tessera;
using nn::BlockOrder;
using nn::BlockProgress;

TEST_CASE("BlockOrder: the first block never waits, and the next one waits for each addition") {
    BlockProgress progress[2];
    kernel::AdaptiveSpin spin{BlockOrder::spins};
    BlockOrder first{nullptr, progress[0], spin}, second{&progress[0], progress[1], spin};
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
    CHECK(progress[0].additions == 3);
    CHECK(progress[1].additions == 3);
}

TEST_CASE("BlockOrder: many blocks on many threads add in the order of the blocks") {
    constexpr std::size_t blocks = 9, layers = 50;
    for (int again = 0; again < 20; ++again) {
        std::vector<BlockProgress> progress(blocks);
        kernel::AdaptiveSpin spin{BlockOrder::spins};
        std::vector<std::vector<std::size_t>> added(layers);
        std::vector<std::thread> threads;
        for (std::size_t b = blocks; b-- > 0;)  // the last one starts first
            threads.emplace_back([&, b] {
                BlockOrder order{b == 0 ? nullptr : &progress[b - 1], progress[b], spin};
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
    kernel::AdaptiveSpin spin{BlockOrder::spins};
    BlockOrder first{nullptr, progress[0], spin}, second{&progress[0], progress[1], spin};
    first.finish();
    int calls = 0;
    for (int k = 0; k < 5; ++k) nn::in_order(&second, [&] { ++calls; });
    CHECK(calls == 5);
}

TEST_CASE("BlockOrder: an exception is not counted as an addition") {
    BlockProgress progress[1];
    kernel::AdaptiveSpin spin{BlockOrder::spins};
    BlockOrder order{nullptr, progress[0], spin};
    CHECK_THROWS_AS(nn::in_order(&order, [] { throw std::runtime_error("layer"); }), std::runtime_error);
    CHECK(progress[0].additions == 0);
}

TEST_CASE("BlockOrder: without an order, the function is called at once") {
    int calls = 0;
    nn::in_order(nullptr, [&] { ++calls; });
    CHECK(calls == 1);
}
