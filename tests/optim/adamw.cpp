#include <tessera/optim/adamw.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <golden/optim.hpp>
#include <optim/two_leaves.hpp>

#include <tessera/optim/optimizer.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <concepts>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace ts = tessera;

namespace {

template <class T>
TwoLeaves<T> after_eight_steps(ts::AdamW<TwoLeaves<T>> optimizer) {
    auto p = start<T>();
    for (std::size_t t = 0; t < 8; ++t) optimizer.update(p, gradient<T>(t));
    return p;
}

std::string message(ts::AdamWOptions options) {
    try {
        ts::AdamW<TwoLeaves<float>> optimizer{options};
    } catch (const ts::ArgumentError& e) {
        return e.what();
    }
    return "nothing";
}

}  // namespace

TEST_CASE_TEMPLATE("AdamW: eight steps are PyTorch's", T, float, double) {
    using W = ts::AdamW<TwoLeaves<T>>;
    CHECK(distance(after_eight_steps(W{}), golden::adamw_defaults) < tolerance<T>);
    const W strong{{.lr = 0.05, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1}};
    CHECK(distance(after_eight_steps(strong), golden::adamw_strong) < tolerance<T>);
}

TEST_CASE_TEMPLATE("AdamW: set_lr changes both the step and the decay, as in PyTorch", T, float, double) {
    ts::AdamW<TwoLeaves<T>> optimizer{{.weight_decay = 0.1}};
    auto p = start<T>();
    for (std::size_t t = 0; t < 8; ++t) {
        optimizer.set_lr(0.01 * static_cast<double>(t + 1));
        optimizer.update(p, gradient<T>(t));
    }
    CHECK(distance(p, golden::adamw_rates) < tolerance<T>);
    CHECK(optimizer.lr() == 0.08);
    CHECK(optimizer.steps() == 8);
}

TEST_CASE("AdamW: only leaves of rank 2 and more decay") {
    ts::AdamW<TwoLeaves<double>> optimizer{{.lr = 0.5, .weight_decay = 0.5}};
    auto p = start<double>();
    p.weight.fill(4);
    p.bias.fill(4);
    optimizer.update(p, {});
    CHECK(p.weight[20] == 3);
    CHECK(p.bias[6] == 4);
}

TEST_CASE("AdamW: can be constructed from a model or from options") {
    const TwoLeavesModel model;
    ts::AdamW from_model{model, {.lr = 3e-4f}};
    ts::AdamW plain{model};
    static_assert(std::same_as<decltype(from_model), ts::AdamW<TwoLeaves<float>>>);
    static_assert(std::same_as<decltype(plain), ts::AdamW<TwoLeaves<float>>>);
    static_assert(ts::Optimizer<decltype(plain), TwoLeaves<float>> && !ts::Optimizer<decltype(plain), Large>);
    ts::AdamW copy{from_model};
    static_assert(std::same_as<decltype(copy), decltype(from_model)>);
    CHECK(from_model.lr() == doctest::Approx(3e-4));
    CHECK(plain.lr() == 1e-3);
    CHECK(plain.options().weight_decay == 1e-2);
}

TEST_CASE("AdamW: the gradient is unchanged, and a copy is independent") {
    ts::AdamW<TwoLeaves<float>> a;
    auto p = start<float>(), q = p;
    const auto g = gradient<float>(3), before = g;
    a.update(p, g);
    CHECK(support::equal_values(before.weight.span(), g.weight.span()));
    auto b = a;
    a.update(p, g);
    CHECK(b.steps() == 1);
    b = ts::AdamW<TwoLeaves<float>>{};
    b.update(q, g);
    b.update(q, g);
    CHECK(support::equal_values(p.weight.span(), q.weight.span()));
}

TEST_CASE("AdamW: its state has names, and continuing from a copy of it gives the same bits") {
    ts::AdamW<TwoLeaves<float>> one, other;
    auto p = start<float>();
    for (std::size_t t = 0; t < 3; ++t) one.update(p, gradient<float>(t));
    std::vector<std::string> names;
    std::vector<std::vector<double>> values;
    decltype(one)::State::each(
        [&](const ts::ParamPath& path, const auto& leaf) {
            names.push_back(path.str());
            values.emplace_back(leaf.span().begin(), leaf.span().end());
        },
        one.state());
    CHECK(names == std::vector<std::string>{"adam.m.weight", "adam.m.bias", "adam.v.weight", "adam.v.bias", "adam.step",
                                            "adam.lr"});
    std::size_t at = 0;
    decltype(other)::State::each(
        [&](const ts::ParamPath&, auto& leaf) {
            for (std::size_t i = 0; i < leaf.span().size(); ++i)
                leaf[i] = static_cast<std::remove_cvref_t<decltype(leaf[i])>>(values[at][i]);
            ++at;
        },
        other.state());
    auto q = p;
    one.update(p, gradient<float>(3));
    other.update(q, gradient<float>(3));
    CHECK(other.steps() == 4);
    CHECK(support::equal_values(p.weight.span(), q.weight.span()));
    CHECK(support::equal_values(p.bias.span(), q.bias.span()));
    static_assert(ts::Parameters<decltype(one)::State>);
}

TEST_CASE("AdamW: the same bits with one thread and with four") {
    const tbb::global_control allow(tbb::global_control::max_allowed_parallelism, 4);
    const auto weights = [](int threads) {
        Large p = large(0);
        tbb::task_arena arena(threads);
        arena.execute([&] {
            ts::AdamW<Large> optimizer;
            for (int t = 0; t < 3; ++t) optimizer.update(p, large(t + 1));
        });
        return p;
    };
    CHECK(support::equal_values(weights(1).weight.span(), weights(4).weight.span()));
}

TEST_CASE("AdamW: refuses options out of range, by name") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    CHECK(message({.lr = -1}) == "AdamW: lr: expected a finite number >= 0, got -1");
    CHECK(message({.lr = nan}).starts_with("AdamW: lr: expected a finite number >= 0, got "));
    CHECK(message({.lr = inf}) == "AdamW: lr: expected a finite number >= 0, got inf");
    CHECK(message({.beta1 = 1}) == "AdamW: beta1: expected a number in [0, 1), got 1");
    CHECK(message({.beta2 = -0.5}) == "AdamW: beta2: expected a number in [0, 1), got -0.5");
    CHECK(message({.eps = -1e-8}) == "AdamW: eps: expected a finite number >= 0, got -1e-08");
    CHECK(message({.weight_decay = nan}).starts_with("AdamW: weight_decay: "));
    CHECK(message({.lr = 0, .beta1 = 0, .beta2 = 0, .eps = 0, .weight_decay = 0}) == "nothing");
}

TEST_CASE("AdamW: after a refused rate the old one stays in effect") {
    ts::AdamW<TwoLeaves<float>> optimizer;
    CHECK_THROWS_WITH_AS(optimizer.set_lr(-2), "AdamW: lr: expected a finite number >= 0, got -2", ts::ArgumentError);
    CHECK(optimizer.lr() == 1e-3);
}
