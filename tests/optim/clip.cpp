#include <tessera/optim/clip.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <golden/optim.hpp>
#include <optim/two_leaves.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <cmath>
#include <limits>
#include <utility>

namespace ts = tessera;

TEST_CASE_TEMPLATE("clip_grad_norm: norm and gradient are PyTorch's", T, float, double) {
    auto g = gradient<T>(1);
    CHECK(std::abs(ts::clip_grad_norm(g, 0.75) - golden::clip_norm[0]) < tolerance<T>);
    CHECK(distance(g, golden::clipped) < tolerance<T>);
    CHECK(ts::grad_norm(g) == doctest::Approx(0.75).epsilon(2e-6));
}

TEST_CASE("clip_grad_norm: a gradient below the limit keeps its bits") {
    auto g = gradient<float>(1);
    const auto before = g;
    const double norm = ts::clip_grad_norm(g, 100);
    CHECK(norm == ts::grad_norm(before));
    CHECK(support::equal_values(before.weight.span(), g.weight.span()));
    auto zero = TwoLeaves<float>{};
    CHECK(ts::clip_grad_norm(zero, 0) == 0);
}

TEST_CASE("clip_grad_norm: a gradient whose norm is not finite is left unchanged") {
    const float inf = std::numeric_limits<float>::infinity();
    auto g = gradient<float>(1);
    const auto before = g;
    g.weight[4] = inf;
    CHECK(std::isinf(ts::clip_grad_norm(g, 1)));
    CHECK(g.weight[4] == inf);
    CHECK(g.weight[5] == before.weight[5]);
    g.weight[4] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(ts::clip_grad_norm(g, 1)));
    CHECK(g.weight[5] == before.weight[5]);
}

TEST_CASE("clip_grad_norm: refuses a norm below zero") {
    auto g = gradient<float>(1);
    CHECK_THROWS_WITH_AS(ts::clip_grad_norm(g, -0.5), "clip_grad_norm: max_norm: expected a number >= 0, got -0.5",
                         ts::ArgumentError);
    CHECK_THROWS_AS(ts::clip_grad_norm(g, std::numeric_limits<double>::quiet_NaN()), ts::ArgumentError);
}

TEST_CASE("grad_norm: of a large leaf, accurate to float precision") {
    const Large g = large(0.5);
    double sum = 4;
    for (float x : g.weight.span()) sum += static_cast<double>(x) * static_cast<double>(x);
    CHECK(std::abs(ts::grad_norm(g) / std::sqrt(sum) - 1) < 1e-7);
}

TEST_CASE("grad_norm and clip_grad_norm: the same bits with one thread and with four") {
    const tbb::global_control allow(tbb::global_control::max_allowed_parallelism, 4);
    const auto clipped = [](int threads) {
        Large g = large(0.5);
        double norm = 0;
        tbb::task_arena arena(threads);
        arena.execute([&] { norm = ts::clip_grad_norm(g, 3); });
        return std::pair{norm, g};
    };
    const auto [one, g] = clipped(1);
    const auto [four, h] = clipped(4);
    CHECK(one == four);
    CHECK(support::equal_values(h.weight.span(), g.weight.span()));
    CHECK(g.bias[0] == h.bias[0]);
}

TEST_CASE("grad_norm: a leaf of more than 1024 chunks is summed completely") {
    constexpr std::size_t n = 1024 * 4096 + 5;
    const ts::Buffer<float> x(n, 1.f);
    CHECK(ts::detail::leaf_squares<float>(x) == static_cast<double>(n));
}

TEST_CASE("first_non_finite: names leaf, index and count") {
    auto g = gradient<float>(1);
    CHECK_FALSE(ts::first_non_finite(g).has_value());
    g.weight[19] = std::numeric_limits<float>::quiet_NaN();
    g.bias[0] = -std::numeric_limits<float>::infinity();
    const auto found = ts::first_non_finite(g);
    REQUIRE(found.has_value());
    CHECK(found->path == "weight");
    CHECK(found->index == 19);
    CHECK(found->count == 2);
    g.weight[19] = 0;
    CHECK(ts::first_non_finite(g)->path == "bias");
}
