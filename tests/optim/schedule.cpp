#include <tessera/optim/schedule.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>

#include <golden/optim.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace ts = tessera;

namespace {

template <ts::Schedule S>
double distance(const S& schedule, std::span<const double> golden) {
    double worst = 0;
    for (std::size_t t = 0; t < golden.size(); ++t) worst = support::larger(worst, std::abs(schedule(t) - golden[t]));
    return worst;
}

}  // namespace

TEST_CASE("WarmupCosine: is PyTorch's LinearLR followed by CosineAnnealingLR") {
    const ts::WarmupCosine schedule{.lr = 0.2, .min_lr = 0.01, .warmup = 5, .steps = 20};
    CHECK(distance(schedule, golden::warmup_cosine) < 1e-12);
}

TEST_CASE("WarmupCosine: starts above zero, reaches lr after the warm-up, stays at min_lr after the end") {
    const ts::WarmupCosine schedule{.lr = 1, .min_lr = 0.125, .warmup = 3, .steps = 11};
    CHECK(schedule(0) == 0.25);
    CHECK(schedule(3) == 1);
    CHECK(schedule(7) == doctest::Approx((1 + 0.125) / 2));
    CHECK(schedule(11) == 0.125);
    CHECK(schedule(1000000) == 0.125);
}

TEST_CASE("WarmupCosine: a warm-up as long as the run, and no warm-up") {
    const ts::WarmupCosine all{.lr = 1, .min_lr = 0.5, .warmup = 4, .steps = 4};
    CHECK(all(3) == 0.8);
    CHECK(all(4) == 0.5);
    const ts::WarmupCosine none{.lr = 1, .steps = 10};
    CHECK(none(0) == 1);
    CHECK(none(10) == 0);
}

TEST_CASE("Wsd: is PyTorch's LinearLR, ConstantLR, LinearLR in sequence") {
    const ts::Wsd schedule{.lr = 0.2, .min_lr = 0.05, .warmup = 4, .stable = 6, .decay = 8};
    CHECK(distance(schedule, golden::warm_stable_decay) < 1e-12);
    CHECK(schedule(1000000) == 0.05);
    CHECK(ts::Wsd{.lr = 1, .min_lr = 0.5, .stable = 3, .decay = 0}(3) == 0.5);
}

TEST_CASE("Wsd: a stable phase without an end, after a warm-up") {
    constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
    const ts::Wsd schedule{.lr = 1, .min_lr = 0.5, .warmup = 4, .stable = never};
    CHECK(schedule(0) == 0.2);
    for (const std::size_t t : {std::size_t{4}, std::size_t{1000000}, never}) CHECK(schedule(t) == 1);
}

TEST_CASE("Constant: a warm-up without an end stays near 0") {
    const ts::Constant schedule{.lr = 1, .warmup = std::numeric_limits<std::size_t>::max()};
    CHECK(schedule(9) == 10 / std::pow(2, 64));
}

TEST_CASE("Constant: lr, after an optional warm-up") {
    static_assert(ts::Constant{.lr = 0.5}(7) == 0.5);
    const ts::Constant schedule{.lr = 1, .warmup = 4};
    CHECK(schedule(0) == 0.2);
    CHECK(schedule(3) == 0.8);
    CHECK(schedule(4) == 1);
}

TEST_CASE("Schedule: a lambda of the step is a schedule") {
    const auto halves = [](std::size_t t) { return std::pow(0.5, static_cast<double>(t)); };
    static_assert(ts::Schedule<decltype(halves)> && !ts::Schedule<double>);
}
