#include <tessera/optim/muon.hpp>

#include <doctest/doctest.h>

#include <golden/optim.hpp>
#include <optim/two_leaves.hpp>
#include <support/counting_allocator.hpp>
#include <support/mismatch.hpp>

#include <tessera/optim/adamw.hpp>
#include <tessera/optim/optimizer.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ts = tessera;

namespace {

/// What a model has: a table, two maps, a bias, filters, a head.
struct Net {
    ts::Param<float, ts::Shape<9, 24>> table;
    ts::Param<float, ts::Shape<24, 70>, ts::Axes<1, 0>> wide;
    ts::Param<float, ts::Shape<70>> bias;
    ts::Param<float, ts::Shape<70, 24>, ts::Axes<1, 0>> tall;
    ts::Param<float, ts::Shape<3, 3, 4, 4>, ts::Axes<3, 2, 0, 1>> filters;
    ts::Param<float, ts::Shape<24, 9>, ts::Axes<1, 0>> head;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("table.weight", p.table...);
        f("up.weight", p.wide...);
        f("up.bias", p.bias...);
        f("down.weight", p.tall...);
        f("filters", p.filters...);
        f("head.weight", p.head...);
    }
};
/// The last map has a norm behind it, as in a model whose head has the table of the tokens.
struct TiedNet {
    ts::Param<float, ts::Shape<24, 70>, ts::Axes<1, 0>> map;
    ts::Param<float, ts::Shape<70>> bias, gain;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("down.weight", p.map...);
        f("down.bias", p.bias...);
        f("norm.weight", p.gain...);
    }
};
/// The last map has nothing behind it but its bias.
struct HeadNet : TiedNet {
    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("head.weight", p.map...);
        f("head.bias", p.bias...);
    }
};
struct NetModel {
    using Params = Net;
};

Net net(double phase) {
    Net p;
    std::size_t i = 0;
    Net::each(
        [&](const ts::ParamPath&, auto& leaf) {
            for (float& x : leaf.span()) x = static_cast<float>(std::sin(static_cast<double>(++i) * 0.37 + phase));
        },
        p);
    return p;
}
std::vector<float> numbers_of(const Net& p) {
    std::vector<float> all;
    Net::each(
        [&](const ts::ParamPath&, const auto& leaf) { all.insert(all.end(), leaf.span().begin(), leaf.span().end()); },
        p);
    return all;
}

template <class T>
TwoLeaves<T> muon_after_eight_steps(ts::MuonOptions options) {
    options.parts = {"weight"};
    ts::Muon<TwoLeaves<T>> optimizer{options};
    auto p = start<T>();
    for (std::size_t t = 0; t < 8; ++t) optimizer.update(p, gradient<T>(t));
    return p;
}

std::string muon_message(ts::MuonOptions options) {
    try {
        ts::Muon<Net> optimizer{std::move(options)};
    } catch (const ts::ArgumentError& e) {
        return e.what();
    }
    return "nothing";
}

}  // namespace

TEST_CASE_TEMPLATE("Muon: eight steps are the formula's, and those of AdamW for a bias", T, float, double) {
    const double close = std::same_as<T, float> ? 1e-5 : 1e-12;
    CHECK(distance(muon_after_eight_steps<T>({}), golden::muon_defaults) < close);
    CHECK(distance(muon_after_eight_steps<T>({.lr = 0.02,
                                              .weight_decay = 0.2,
                                              .momentum = 0.9,
                                              .nesterov = false,
                                              .ns_steps = 3,
                                              .adjust_lr_fn = ts::AdjustLr::original}),
                   golden::muon_original) < close);
}

TEST_CASE("Muon: updates the weights of the linear maps except the head, or the matrices of the parts that are given") {
    using Names = std::vector<std::string>;
    CHECK(ts::Muon<Net>{}.matrices() == Names{"up.weight", "down.weight"});
    CHECK(ts::Muon<Net>{{.parts = {"up", "table"}}}.matrices() == Names{"table.weight", "up.weight"});
    CHECK(ts::Muon<TwoLeaves<float>>{}.matrices().empty());
    CHECK(ts::Muon<TiedNet>{}.matrices() == Names{"down.weight"});
    CHECK(ts::Muon<HeadNet>{}.matrices().empty());
}

TEST_CASE("Muon: the other leaves have the bits of AdamW with adamw_scale times the rate") {
    auto p = net(0), q = p;
    ts::Muon<Net> muon{
        {.lr = 0.04, .weight_decay = 0.3, .beta1 = 0.8, .beta2 = 0.95, .adam_eps = 1e-6, .adamw_scale = 0.25}};
    ts::AdamW<Net> adamw{{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.3}};
    for (int t = 0; t < 3; ++t) {
        muon.set_lr(0.04 * (t + 1));
        adamw.set_lr(0.01 * (t + 1));
        muon.update(p, net(t + 1));
        adamw.update(q, net(t + 1));
    }
    CHECK(support::equal_values(q.table.span(), p.table.span()));
    CHECK(support::equal_values(q.bias.span(), p.bias.span()));
    CHECK(support::equal_values(q.filters.span(), p.filters.span()));
    CHECK(support::equal_values(q.head.span(), p.head.span()));
    CHECK_FALSE(std::ranges::equal(p.wide.span(), q.wide.span()));
    CHECK_FALSE(std::ranges::equal(p.tall.span(), q.tall.span()));
}

TEST_CASE("Muon: a matrix and its transpose are updated alike") {
    // up.weight of one net is the transpose of down.weight of the other
    const auto transposed = [](const Net& from) {
        Net to = from;
        for (std::size_t i = 0; i < 24; ++i)
            for (std::size_t j = 0; j < 70; ++j) to.tall[j * 24 + i] = from.wide[i * 70 + j];
        return to;
    };
    Net p = transposed(net(0));
    ts::Muon<Net> optimizer{{.lr = 0.1}};
    optimizer.update(p, transposed(net(1)));
    const Net expected = transposed(p);
    CHECK(support::equal_values(expected.tall.span(), p.tall.span()));
}

TEST_CASE("Muon: a gradient of zeros only decays, and lr_scale 0 freezes a matrix") {
    ts::Muon<Net> optimizer{{.lr = 0.5, .weight_decay = 0.5, .lr_scale = {{"down", 0}}}};
    Net p = net(0);
    p.wide.fill(4);
    p.tall.fill(4);
    optimizer.update(p, {});
    CHECK(p.wide[100] == 3);
    CHECK(p.tall[100] == 4);
    Net g = net(1);
    optimizer.update(p, g);
    CHECK(p.wide[100] != 2.25f);
    CHECK(p.tall[100] == 4);
}

TEST_CASE("Muon: can be constructed from a model or from options") {
    const NetModel model;
    ts::Muon from_model{model, {.lr = 3e-4}};
    ts::Muon plain{model};
    static_assert(std::same_as<decltype(from_model), ts::Muon<Net>>);
    static_assert(ts::Optimizer<decltype(plain), Net> && !ts::Optimizer<decltype(plain), Large>);
    static_assert(ts::HasOptimizerState<decltype(plain)>);
    CHECK(from_model.lr() == 3e-4);
    CHECK(plain.lr() == 1e-3);
    CHECK(plain.options().weight_decay == 0.1);
    CHECK(plain.metadata().front().second == "Muon");
}

TEST_CASE("Muon: the gradient is unchanged, and a copy is independent") {
    ts::Muon<Net> a;
    Net p = net(0), q = p;
    const Net g = net(3), before = g;
    a.update(p, g);
    CHECK(numbers_of(g) == numbers_of(before));
    auto b = a;
    a.update(p, g);
    CHECK(b.steps() == 1);
    b = ts::Muon<Net>{};
    b.update(q, g);
    b.update(q, g);
    CHECK(numbers_of(p) == numbers_of(q));
}

TEST_CASE("Muon: its state has names, and continuing from a copy of it gives the same bits") {
    ts::Muon<TwoLeaves<float>> one{{.parts = {"weight"}}}, other{{.parts = {"weight"}}};
    auto p = start<float>();
    for (std::size_t t = 0; t < 3; ++t) one.update(p, gradient<float>(t));
    one.set_lr(0.01);
    std::vector<std::string> names;
    std::vector<std::vector<double>> values;
    decltype(one)::State::each(
        [&](const ts::ParamPath& path, const auto& leaf) {
            names.push_back(path.str());
            values.emplace_back(leaf.span().begin(), leaf.span().end());
        },
        one.state());
    CHECK(names == std::vector<std::string>{"muon.m.weight", "muon.m.bias", "muon.v.weight", "muon.v.bias", "muon.step",
                                            "muon.lr"});
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
    CHECK(other.lr() == 0.01);
    CHECK(support::equal_values(q.weight.span(), p.weight.span()));
    CHECK(support::equal_values(q.bias.span(), p.bias.span()));
}

TEST_CASE("Muon: a step counter out of range, which only a file can have, is refused, and nothing changes") {
    for (const std::int64_t step :
         {std::int64_t{-1}, std::int64_t{1} << 53, std::numeric_limits<std::int64_t>::max()}) {
        ts::Muon<Net> optimizer;
        Net p = net(0);
        const Net before = p;
        optimizer.state().step[0] = step;
        const std::string expected = "Muon: step: expected 0 to 2^53 - 1, got " + std::to_string(step);
        CHECK_THROWS_WITH_AS(optimizer.update(p, net(1)), expected.c_str(), ts::StateError);
        CHECK(numbers_of(p) == numbers_of(before));
        CHECK(optimizer.state().step[0] == step);
    }
}

TEST_CASE("Muon: the same bits with one thread and with four, also where the optimiser was made for one") {
    const tbb::global_control allow(tbb::global_control::max_allowed_parallelism, 4);
    const auto weights = [](int made_for, int threads) {
        Net p = net(0);
        tbb::task_arena small(made_for), arena(threads);
        auto optimizer = small.execute([] { return ts::Muon<Net>{{.parts = {"table", "up", "down", "head"}}}; });
        arena.execute([&] {
            for (int t = 0; t < 3; ++t) optimizer.update(p, net(t + 1));
        });
        return numbers_of(p);
    };
    const auto one = weights(1, 1);
    CHECK(one == weights(4, 4));
    CHECK(one == weights(1, 4));
    CHECK(one == weights(4, 1));
}

TEST_CASE("Muon: an update allocates nothing, from the first on") {
    tbb::task_arena arena(1);
    arena.execute([] {
        ts::Muon<Net> optimizer;
        Net p = net(0);
        const Net g = net(1);
        const std::size_t before = support::allocations();
        optimizer.update(p, g);
        optimizer.update(p, g);
        CHECK(support::allocations() == before);
    });
}

TEST_CASE("Muon: refuses options out of range, by name") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    CHECK(muon_message({.lr = -1}) == "Muon: lr: expected a finite number >= 0, got -1");
    CHECK(muon_message({.lr = inf}) == "Muon: lr: expected a finite number >= 0, got inf");
    CHECK(muon_message({.weight_decay = nan}).starts_with("Muon: weight_decay: "));
    CHECK(muon_message({.momentum = 1}) == "Muon: momentum: expected a number in [0, 1), got 1");
    CHECK(muon_message({.ns_coefficients = {1, inf, 0}}) == "Muon: ns_coefficients: expected finite numbers, got inf");
    CHECK(muon_message({.eps = -1e-8}) == "Muon: eps: expected a finite number >= 0, got -1e-08");
    CHECK(muon_message({.ns_steps = 100}) == "Muon: ns_steps: expected at most 99, got 100");
    CHECK(muon_message({.beta1 = 1}) == "Muon: beta1: expected a number in [0, 1), got 1");
    CHECK(muon_message({.beta2 = -0.5}) == "Muon: beta2: expected a number in [0, 1), got -0.5");
    CHECK(muon_message({.adam_eps = nan}).starts_with("Muon: adam_eps: "));
    CHECK(muon_message({.adamw_scale = -1}) == "Muon: adamw_scale: expected a finite number >= 0, got -1");
    CHECK(muon_message({.lr_scale = {{"up", -1}}}) == "Muon: lr_scale: up: expected a finite number >= 0, got -1");
    CHECK(muon_message({.parts = {"up", "filters"}}) ==
          "Muon: parts: filters: expected a part with a leaf of rank 2, such as table, up, down, head");
    CHECK(muon_message({.lr = 0, .weight_decay = 0, .momentum = 0, .eps = 0, .ns_steps = 0}) == "nothing");
}

TEST_CASE("Muon: after a refused rate the old one stays in effect") {
    ts::Muon<Net> optimizer;
    CHECK_THROWS_WITH_AS(optimizer.set_lr(-2), "Muon: lr: expected a finite number >= 0, got -2", ts::ArgumentError);
    CHECK(optimizer.lr() == 1e-3);
}
