#include <tessera/optim/weight_ema.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>

#include <golden/optim.hpp>
#include <optim/two_leaves.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace ts = tessera;

TEST_CASE_TEMPLATE("WeightEma: without warm-up it is PyTorch's AveragedModel", T, float, double) {
    ts::WeightEma<TwoLeaves<T>> ema{{.decay = 0.9, .warmup = false}};
    for (std::size_t t = 0; t < 6; ++t) ema.update(gradient<T>(t));
    double worst = 0;
    for (std::size_t i = 0; i < 21; ++i)
        worst = support::larger(worst, std::abs(static_cast<double>(ema.params().weight[i]) - golden::ema[i]));
    CHECK(worst < tolerance<T>);
    CHECK(ema.updates() == 6);
}

TEST_CASE("WeightEma: the first update copies, the warm-up raises the decay by (1 + t) / (10 + t)") {
    ts::WeightEma<TwoLeaves<double>> ema{{.decay = 0.25}};
    TwoLeaves<double> p;
    double average = 3;
    for (std::size_t t = 0; t < 6; ++t) {
        const double x = 3 + static_cast<double>(t),
                     d = std::min(0.25, (1.0 + static_cast<double>(t)) / (10.0 + static_cast<double>(t)));
        if (t > 0) average += (1 - d) * (x - average);
        p.weight.fill(x);
        ema.update(p);
        CHECK(ema.params().weight[20] == doctest::Approx(average).epsilon(1e-14));
    }
    CHECK(ema.params().bias[0] == 0);
}

TEST_CASE("WeightEma: constant weights are their own average, bit for bit") {
    ts::WeightEma<TwoLeaves<float>> ema;
    const auto p = start<float>();
    for (int t = 0; t < 5; ++t) ema.update(p);
    CHECK(support::equal_values(p.weight.span(), ema.params().weight.span()));
}

TEST_CASE("WeightEma: its state has names") {
    ts::WeightEma<TwoLeaves<float>> ema;
    ema.update(start<float>());
    static_assert(ts::Parameters<decltype(ema)::State>);
    std::vector<std::string> names;
    decltype(ema)::State::each([&](const ts::ParamPath& path, const auto&) { names.push_back(path.str()); },
                               ema.state());
    CHECK(names == std::vector<std::string>{"ema.weight", "ema.bias", "ema.updates"});
    CHECK(ema.state().updates[0] == 1);
}

TEST_CASE("WeightEma: the same bits with one thread and with four") {
    const tbb::global_control allow(tbb::global_control::max_allowed_parallelism, 4);
    const auto average = [](int threads) {
        ts::WeightEma<Large> ema;
        tbb::task_arena arena(threads);
        arena.execute([&] {
            for (int t = 0; t < 3; ++t) ema.update(large(t));
        });
        return ema.params();
    };
    CHECK(support::equal_values(average(1).weight.span(), average(4).weight.span()));
}

TEST_CASE("WeightEma: refuses a number of updates out of range, which only a file can have") {
    ts::WeightEma<TwoLeaves<float>> ema;
    ema.state().updates[0] = -10;  // the decay of the warm-up would be -9 / 0
    CHECK_THROWS_WITH_AS(ema.update(TwoLeaves<float>{}), "WeightEma: ema.updates: expected 0 to 2^53 - 1, got -10",
                         ts::StateError);
    CHECK(ema.updates() == static_cast<std::size_t>(-10));
    ema.state().updates[0] = std::numeric_limits<std::int64_t>::max();  // one more would overflow
    CHECK_THROWS_WITH_AS(ema.update(TwoLeaves<float>{}),
                         "WeightEma: ema.updates: expected 0 to 2^53 - 1, got 9223372036854775807", ts::StateError);
    ema.state().updates[0] = (std::int64_t{1} << 53) - 1;
    CHECK_NOTHROW(ema.update(TwoLeaves<float>{}));
}

TEST_CASE("WeightEma: an update with parameters that were moved from is an error, and the next one still copies") {
    ts::WeightEma<TwoLeaves<float>> ema;
    auto gone = start<float>();
    const auto p = std::move(gone);
    CHECK_THROWS_AS(ema.update(gone), ts::StateError);
    CHECK(ema.updates() == 0);
    auto moved = ema;
    const auto elsewhere = std::move(moved);
    CHECK_THROWS_AS(moved.update(p), ts::StateError);
    ema.update(p);
    CHECK(support::equal_values(p.weight.span(), ema.params().weight.span()));
}

TEST_CASE("WeightEma: an update with one leaf that was moved from changes no average") {
    ts::WeightEma<TwoLeaves<float>> ema;
    const auto p = start<float>();
    ema.update(p);
    auto next = start<float>();
    for (float& w : next.weight.span()) w += 1;
    const auto bias = std::move(next.bias);
    CHECK_THROWS_AS(ema.update(next), ts::StateError);
    CHECK(ema.updates() == 1);
    CHECK(support::equal_values(p.weight.span(), ema.params().weight.span()));
    CHECK(support::equal_values(bias.span(), ema.params().bias.span()));
}

TEST_CASE("WeightEma: refuses a decay outside [0, 1)") {
    using Ema = ts::WeightEma<TwoLeaves<float>>;
    CHECK_THROWS_WITH_AS((Ema{{.decay = 1}}), "WeightEma: decay: expected a number in [0, 1), got 1",
                         ts::ArgumentError);
    CHECK_THROWS_WITH_AS((Ema{{.decay = -0.1}}), "WeightEma: decay: expected a number in [0, 1), got -0.1",
                         ts::ArgumentError);
}
