#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;

namespace {

using Vae = support::TinyVae<float>;
constexpr GptConfig prior_config{
    .vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1, .classes = 3, .dropout_percent = 10};
using Prior = Gpt<prior_config>;

// `Width` numbers are a sample.
template <std::size_t Width>
struct Rows {
    std::span<const float> numbers;

    Rows(std::span<const float> n) : numbers{n} {}
    Rows(const std::vector<float>& n) : numbers{n} {}
    std::size_t size() const { return numbers.size() / Width; }
};

// y = slope x + offset through points (x, y): a user's model without optional members.
struct Line {
    struct Params {
        Param<float, Shape<1>> slope, offset;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            with_prefix("line", f)("slope", p.slope...);
            with_prefix("line", f)("offset", p.offset...);
        }
    };
    struct Report {
        double loss = 0, grad_norm = 0;
    };
    struct Workspace {
        Rng rng{};
        std::vector<double> totals{};
    };
    using Batch = Rows<2>;

    Params weights;
    Lifetime life;
    Params& params() { return weights; }
    Rng rng() const { return Rng{5}; }
    Lifetime& lifetime() { return life; }
    void loss_and_grad(Batch batch, const BatchPart& part, Workspace& ws, Params& grad) const {
        const auto points = batch.numbers;
        const float n = static_cast<float>(part.divisor);
        ws.totals.assign(1, 0);
        for (std::size_t i = 0; i < points.size(); i += 2) {
            const float error = weights.slope[0] * points[i] + weights.offset[0] - points[i + 1];
            ws.totals[0] += static_cast<double>(error * error);
            grad.slope[0] += 2 * error * points[i] / n;
            grad.offset[0] += 2 * error / n;
        }
    }
    Report report(const Workspace& ws, std::size_t samples) const {
        return {ws.totals[0] / static_cast<double>(samples), 0};
    }
};
// Gradients that are what the batch says: of each sample loss, and the gradients of slope and offset.
struct Told : Line {
    using Batch = Rows<3>;
    void loss_and_grad(Batch batch, const BatchPart& part, Workspace& ws, Params& grad) const {
        const auto told = batch.numbers;
        ws.totals.assign(1, 0);
        for (std::size_t i = 0; i < told.size(); i += 3) {
            ws.totals[0] += static_cast<double>(told[i]);
            grad.slope[0] += told[i + 1] / static_cast<float>(part.divisor);
            grad.offset[0] += told[i + 2] / static_cast<float>(part.divisor);
        }
    }
};

/// Is told after a load which settings were accepted.
struct Informed : Line {
    std::vector<std::string> settings_accepted;
    void accepted(std::span<const std::string> names) noexcept { settings_accepted.assign(names.begin(), names.end()); }
};

/// Refuses a batch before its gradients.
struct Selective : Told {
    void prepare(Batch batch, const BatchPart&, Workspace&, auto) const {
        if (batch.numbers[1] < 0) throw NumericError("refused");
    }
    void undo_prepare(Workspace&) const noexcept {}
};

template <class Model>
std::uint64_t weights_of(Model& model) {
    return support::hash_bits(model.params());
}

struct Plain {  // gradient descent: weights show the gradient
    template <class P>
    void update(P& params, const P& grad) {
        P::each(
            [](const ParamPath&, auto& p, const auto& g) {
                for (std::size_t i = 0; i < p.span().size(); ++i) p[i] -= g[i];
            },
            params, grad);
    }
};

}  // namespace

TEST_CASE("Trainer: a step of both stages makes the calls of its head comment, bit for bit") {
    Rng rng{1}, same{1};
    Vae vae{rng}, by_hand{same};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-3}}, {.clip_norm = 0.01, .seed = 9}};
    AdamW optimizer{by_hand, {.lr = 1e-3}};
    Vae::Workspace ws;
    Vae::Params grad;
    Vae::Statistics statistics;
    support::Mismatch wrong;
    for (std::uint64_t step = 0; step < 4; ++step) {
        const auto x = support::batch_of<float>(bars(20, step));
        const Vae::Report report = trainer.step(x);
        ws.rng = Rng{9}.split(step);
        by_hand.prepare(x, ws);
        set_zero(grad);
        set_zero(statistics);
        const Vae::Report expected = std::as_const(by_hand).loss_and_grad(x, ws, grad);
        const double norm = clip_grad_norm(grad, 0.01);
        std::as_const(by_hand).observe(ws, BatchPart::whole(20), statistics);
        optimizer.update(by_hand.params(), grad);
        by_hand.update(ws, statistics);
        wrong.compare(expected.loss, report.loss, "loss, step ", step);
        wrong.compare(norm, report.grad_norm, "grad_norm, step ", step);
        wrong.compare(expected.used, report.used, "used, step ", step);
    }
    CHECK(wrong.first() == "");
    CHECK(support::hash_state(vae) == support::hash_state(by_hand));
    CHECK(trainer.steps() == 4);

    Prior prior{rng}, prior_by_hand{same};
    Trainer second{prior, AdamW{prior}};
    AdamW prior_optimizer{prior_by_hand};
    Prior::Workspace prior_ws;
    Prior::Params prior_grad;
    for (std::uint64_t step = 0; step < 3; ++step) {
        const auto x = support::sequences<prior_config>(20, step);
        second.step(support::batch_of<Prior>(x));
        prior_ws.rng = prior_by_hand.rng().split(step);
        set_zero(prior_grad);
        prior_by_hand.loss_and_grad(support::batch_of<Prior>(x), prior_ws, prior_grad);
        prior_optimizer.update(prior_by_hand.params(), prior_grad);
    }
    CHECK(weights_of(prior) == weights_of(prior_by_hand));
}

TEST_CASE("Trainer: one, two, three and sixteen threads give the same bits for both stages") {
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        for (const std::size_t batch : {40, 16, 5, 64})  // threads share one group of 3, one, one, and none or four
            trainer.step(support::batch_of<float>(bars(batch, batch)));
        return support::hash_state(vae);
    }));
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Prior prior{rng};
        Trainer trainer{prior, AdamW{prior}};
        for (const std::size_t batch : {40, 16, 5, 64})
            trainer.step(support::batch_of<Prior>(support::sequences<prior_config>(batch, batch)));
        return support::hash_state(prior);
    }));
}

TEST_CASE("Trainer: the seed decides what dropout drops") {
    const auto trained = [](std::uint64_t seed) {
        Rng rng{1};
        Prior prior{rng};
        Trainer trainer{prior, AdamW{prior}, {.seed = seed}};
        trainer.step(support::batch_of<Prior>(support::sequences<prior_config>(10, 1)));
        return support::hash_state(prior);
    };
    CHECK(trained(1) == trained(1));
    CHECK(trained(1) != trained(2));
}

TEST_CASE("Trainer: a step allocates nothing after the first") {
    const auto x = support::batch_of<float>(bars(40, 1));
    support::with_threads(1, [&] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}, {.clip_norm = 1}};
        trainer.step(x);
        const std::size_t before = support::allocations();
        for (int i = 0; i < 3; ++i) trainer.step(x);
        CHECK(support::allocations() == before);
        return 0;
    });
}

TEST_CASE("Trainer: two half batches give the gradient of the whole batch, and one update") {
    Line whole, halves;
    const std::vector<float> points{1, 2, -3, 1, 2, 2, 4, -1, 0.5f, 3, 1, -2, 2, 7, -1, 1};
    const std::span<const float> all{points};
    Trainer one{whole, AdamW<Line::Params>{{.lr = 0.1}}},
        two{halves, AdamW<Line::Params>{{.lr = 0.1}}, {.accumulate = 2}};
    for (int round = 0; round < 5; ++round) {
        const double norm = one.step(all).grad_norm;
        const auto before = weights_of(halves);
        CHECK(two.step(all.first(8)).grad_norm == 0);
        CHECK(weights_of(halves) == before);
        CHECK(two.step(all.subspan(8)).grad_norm == doctest::Approx(norm).epsilon(1e-5));
        CHECK(weights_of(halves) != before);
    }
    CHECK(two.grad().slope[0] == doctest::Approx(one.grad().slope[0]).epsilon(1e-5));
    CHECK(two.grad().offset[0] == doctest::Approx(one.grad().offset[0]).epsilon(1e-5));
    CHECK(two.steps() == 5);
    CHECK(two.batches() == 10);
    CHECK(two.optimizer().steps() == 5);
}

TEST_CASE("Trainer: clip_norm shortens the gradient, and the report has the norm before clipping") {
    Told model;
    const std::vector<float> batch{1, 3, 4};
    Trainer clipped{model, Plain{}, {.clip_norm = 0.5}};
    CHECK(clipped.step(batch).grad_norm == doctest::Approx(5));
    CHECK(model.weights.slope[0] == doctest::Approx(-0.3));
    CHECK(model.weights.offset[0] == doctest::Approx(-0.4));
    Trainer free{model, Plain{}};
    CHECK(free.step(batch).grad_norm == doctest::Approx(5));
    CHECK(model.weights.slope[0] == doctest::Approx(-3.3));
}

TEST_CASE("Trainer: a loss or a gradient that is not finite is an error with step and tensor, and the weights are "
          "unchanged") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    Told model;
    Trainer trainer{model, AdamW<Told::Params>{}};
    trainer.step(std::vector<float>{1, 2, 3});
    const auto before = weights_of(model);
    const auto message = [&](std::vector<float> batch) {
        return support::message<NumericError>([&] { trainer.step(batch); });
    };
    CHECK(message({nan, 1, 1}) == "Trainer: step 1: loss: expected a finite number, got nan");
    CHECK(message({infinity, 1, 1}) == "Trainer: step 1: loss: expected a finite number, got inf");
    CHECK(message({1, 1, nan}) == "Trainer: step 1: gradient of line.offset[0]: expected finite numbers");
    CHECK(message({1, -infinity, 1}) == "Trainer: step 1: gradient of line.slope[0]: expected finite numbers");
    CHECK(message({1, 1e30f, 1}) == "Trainer: step 1: gradient of all weights together: expected finite numbers");
    CHECK(weights_of(model) == before);
    CHECK(trainer.steps() == 1);
    CHECK(trainer.optimizer().steps() == 1);
    trainer.step(std::vector<float>{1, 2, 3});
    CHECK(weights_of(model) != before);
    CHECK(trainer.steps() == 2);
}

TEST_CASE("Trainer: a NaN in an image is an error that names the step, and the model is unchanged") {
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}};
    auto x = support::batch_of<float>(bars(20, 1));
    trainer.step(x);
    const auto before = support::hash_state(vae);
    const float good = std::exchange(x[11][40], std::numeric_limits<float>::quiet_NaN());
    const std::string message = support::message<NumericError>([&] { trainer.step(x); });
    CHECK(message == "Trainer: step 1: VqVae: image 11 of the batch: value 40: expected a finite number, got nan");
    CHECK(support::hash_state(vae) == before);
    x[11][40] = good;
    CHECK(std::isfinite(trainer.step(x).loss));
    CHECK(support::hash_state(vae) != before);
}

TEST_CASE("Trainer: after an error an accumulation starts again") {
    Told model;
    Trainer trainer{model, Plain{}, {.accumulate = 2}};
    trainer.step(std::vector<float>{1, 100, 100});
    CHECK_THROWS_AS(trainer.step(std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 1, 1}), NumericError);
    trainer.step(std::vector<float>{1, 2, 3});
    CHECK(model.weights.slope[0] == 0);
    trainer.step(std::vector<float>{1, 4, 5});
    CHECK(model.weights.slope[0] == -3);
    CHECK(model.weights.offset[0] == -4);
}

TEST_CASE("Trainer: after an error before the gradients an accumulation starts again, too") {
    Selective model;
    Trainer trainer{model, Plain{}, {.accumulate = 2}};
    trainer.step(std::vector<float>{1, 100, 100});
    CHECK_THROWS_AS(trainer.step(std::vector<float>{1, -1, 1}), NumericError);
    trainer.step(std::vector<float>{1, 2, 3});
    CHECK(model.weights.slope[0] == 0);
    trainer.step(std::vector<float>{1, 4, 5});
    CHECK(model.weights.slope[0] == -3);
    CHECK(model.weights.offset[0] == -4);
}

TEST_CASE("Trainer: tells its model which settings a load has accepted") {
    Informed model;
    Trainer trainer{model, Plain{}};
    const std::vector<std::string> names{"order"};
    trainer.accepted(names);
    CHECK(model.settings_accepted == names);
}

TEST_CASE("Trainer: trains a user's model of a line") {
    Line line;
    std::vector<float> points;
    for (int i = -4; i < 5; ++i) points.insert(points.end(), {static_cast<float>(i), 2.5f * static_cast<float>(i) - 1});
    Trainer trainer{line, AdamW<Line::Params>{{.lr = 0.05, .weight_decay = 0}}};
    double loss = 0;
    for (int step = 0; step < 500; ++step) loss = trainer.step(points).loss;
    CHECK(loss < 1e-6);
    CHECK(line.weights.slope[0] == doctest::Approx(2.5).epsilon(1e-3));
    CHECK(line.weights.offset[0] == doctest::Approx(-1).epsilon(1e-3));
}

TEST_CASE("Trainer: options out of range are refused, by name") {
    Line line;
    const auto message = [&](TrainerOptions options) {
        return support::message<ArgumentError>([&] { Trainer trainer(line, Plain{}, options); });
    };
    CHECK(message({.clip_norm = -1}) == "Trainer: clip_norm: expected a number >= 0, got -1");
    CHECK(message({.clip_norm = std::nan("")}) == "Trainer: clip_norm: expected a number >= 0, got nan");
    CHECK(message({.accumulate = 0}) == "Trainer: accumulate: expected at least 1, got 0");
}

namespace {

// Calls step() of its own trainer within a step.
struct Restless : Line {
    std::function<void()> again;

    void loss_and_grad(Batch, const BatchPart&, Workspace& ws, Params&) const {
        if (again) again();
        ws.totals.assign(1, 0);
    }
};

}  // namespace

TEST_CASE("Trainer: a step within a step is a StateError, and the trainer is free afterwards") {
    Restless model;
    Trainer<Restless, Plain> trainer{model, Plain{}};
    const std::vector<float> point{1, 2};
    model.again = [&] { trainer.step(point); };
    CHECK(support::message<StateError>([&] { trainer.step(point); }) ==
          "Trainer: step: concurrent or re-entrant call: expected one call at a time");
    model.again = nullptr;
    CHECK_NOTHROW(trainer.step(point));
    CHECK(trainer.steps() == 1);
}

TEST_CASE("Trainer: to save or load it within a step is a StateError, and works afterwards") {
    Restless model;
    Trainer<Restless, Plain> trainer{model, Plain{}};
    const std::vector<float> point{1, 2};
    const char* const message = "Trainer: save or load: concurrent or re-entrant call: expected one call at a time";
    io::SafetensorsFile file{io::collect(trainer).bytes(), "x"};
    model.again = [&] { static_cast<void>(io::collect(trainer)); };
    CHECK(support::message<StateError>([&] { trainer.step(point); }) == message);
    model.again = [&] { io::load(file, trainer); };
    CHECK(support::message<StateError>([&] { trainer.step(point); }) == message);
    model.again = nullptr;
    CHECK_NOTHROW(trainer.step(point));
    CHECK_NOTHROW(io::load(file, trainer));
    CHECK(trainer.steps() == 0);
    std::vector<std::thread> savers;
    std::atomic<int> refused = 0;
    for (int i = 0; i < 4; ++i)
        savers.emplace_back([&] {
            for (int n = 0; n < 200; ++n)
                refused += !support::message<StateError>([&] { static_cast<void>(io::collect(trainer)); }).empty();
        });
    for (std::thread& saver : savers) saver.join();
    CHECK(refused == 0);
}

TEST_CASE("Trainer: an error in the first step undoes the initialisation of the codebook") {
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}, {.clip_norm = 1}};
    auto x = support::batch_of<float>(bars(20, 1));
    const auto before = support::hash_state(trainer);
    float* bias = nullptr;
    Vae::Params::each(
        [&](const ParamPath& path, auto& leaf) {
            if (path.str() == "decoder.0.bias") bias = leaf.data();
        },
        vae.params());
    REQUIRE(bias);
    const float good = std::exchange(*bias, std::numeric_limits<float>::quiet_NaN());
    CHECK_THROWS_AS(trainer.step(x), NumericError);
    *bias = good;
    CHECK(support::hash_state(trainer) == before);
    CHECK_NOTHROW(trainer.step(x));
}

TEST_CASE("Trainer: a gradient above reject_above is an error, and nothing changes") {
    Told model;
    Trainer trainer{model, AdamW<Told::Params>{}, {.clip_norm = 1, .reject_above = 10}};
    trainer.step(std::vector<float>{1, 2, 3});
    const auto before = support::hash_state(trainer);
    CHECK(support::message<NumericError>([&] {
              trainer.step(std::vector<float>{1, 30, 40});
          }) == "Trainer: step 1: gradient: norm: expected at most 10, got 50");
    CHECK(support::hash_state(trainer) == before);
    CHECK_NOTHROW(trainer.step(std::vector<float>{1, 6, 8}));
    CHECK(support::message<ArgumentError>([&] { Trainer(model, Plain{}, {.reject_above = -1}); }) ==
          "Trainer: reject_above: expected a number >= 0, got -1");
}

TEST_CASE("Trainer: a gradient that is many times longer than usual is an error, and nothing changes") {
    Told model;
    Trainer trainer{model, AdamW<Told::Params>{}, {.reject_spikes = 10}};
    const auto step = [&](float size) { trainer.step(std::vector<float>{1, 3 * size, 4 * size}); };
    step(1000);  // nothing is usual yet
    for (int i = 0; i < 8; ++i) step(i < 4 ? 1 : 2);
    const auto before = support::hash_state(trainer);
    CHECK(support::message<NumericError>([&] { step(30); }) ==
          "Trainer: step 9: gradient: norm: expected at most 10 times the usual 10, got 150");
    CHECK(support::hash_state(trainer) == before);
    CHECK_NOTHROW(step(20));
    CHECK(trainer.steps() == 10);
    const auto refused = [&](double times) {
        return support::message<ArgumentError>([&] { Trainer(model, Plain{}, {.reject_spikes = times}); });
    };
    CHECK(refused(1) == "Trainer: reject_spikes: expected 0 or a number > 1, got 1");
    CHECK(refused(std::nan("")) == "Trainer: reject_spikes: expected 0 or a number > 1, got nan");
}

TEST_CASE("Trainer: the recent norms are part of the trainer's state, and its options are in the file") {
    Told model, other;
    Trainer trainer{model, Plain{}, {.reject_spikes = 10}}, resumed{other, Plain{}, {.reject_spikes = 10}};
    for (int i = 0; i < 8; ++i) trainer.step(std::vector<float>{1, 3, 4});
    io::SafetensorsFile file{io::collect(trainer).bytes(), "state"};
    io::load(file, resumed);
    CHECK(support::hash_state(resumed) == support::hash_state(trainer));
    CHECK_THROWS_AS(resumed.step(std::vector<float>{1, 300, 400}), NumericError);
    Trainer unlike{other, Plain{}, {.reject_spikes = 20}};
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, unlike); }), "reject_spikes"));
}

namespace {

// Told, which counts what it observes.
struct Counting : Told {
    struct Statistics {
        Param<float, Shape<1>> seen;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("seen", s.seen...);
        }
    };
    std::vector<float> updates{};
    mutable std::size_t observed = 0;
    bool refuses = false;

    void observe(Workspace&, const BatchPart& part, Statistics& statistics) const {
        if (refuses) throw std::runtime_error("observe");
        ++observed;
        statistics.seen[0] += static_cast<float>(part.samples);
    }
    void update(Workspace&, const Statistics& statistics) { updates.push_back(statistics.seen[0]); }
};

}  // namespace

TEST_CASE("Trainer: statistics of all batches of an accumulation are applied once, with the update") {
    Counting model;
    Trainer trainer{model, Plain{}, {.accumulate = 3}};
    const std::vector<float> one{1, 3, 4}, two{1, 3, 4, 1, 3, 4};
    for (int i = 0; i < 2; ++i) {
        trainer.step(one);
        trainer.step(two);
        CHECK(model.updates.size() == static_cast<std::size_t>(i));
        trainer.step(two);
    }
    CHECK(model.updates == std::vector<float>{5, 5});
    CHECK(model.observed == 6);
}

TEST_CASE("Trainer: statistics see every batch of an accumulation, and no outlier") {
    Counting model;
    Trainer trainer{model, Plain{}, {.reject_spikes = 10, .accumulate = 4}};
    for (int i = 0; i < 32; ++i) trainer.step(std::vector<float>{1, 3, 4});
    CHECK(model.observed == 32);
    CHECK(model.updates.size() == 8);
    // the first of four is allowed twice as much as their mean
    CHECK_THROWS_AS(trainer.step(std::vector<float>{1, 63, 84}), NumericError);
    CHECK(model.observed == 32);
    CHECK_NOTHROW(trainer.step(std::vector<float>{1, 57, 76}));
    CHECK_THROWS_AS(trainer.step(std::vector<float>{1, 57, 76}), NumericError);
    CHECK(model.observed == 33);
    for (int i = 0; i < 4; ++i) trainer.step(std::vector<float>{1, 3, 4});
    CHECK(model.updates == std::vector<float>(9, 4));  // those of the batches before the error are gone
}

TEST_CASE("Trainer: a gradient that is not finite within an accumulation is an error that names it") {
    for (const TrainerOptions& options :
         {TrainerOptions{.reject_above = 100, .accumulate = 2}, TrainerOptions{.reject_spikes = 10, .accumulate = 2}}) {
        Told model;
        Trainer trainer{model, Plain{}, options};
        CHECK(support::message<NumericError>([&] {
                  trainer.step(std::vector<float>{1, std::numeric_limits<float>::infinity(), 1});
              }) == "Trainer: step 0: gradient of line.slope[0]: expected finite numbers");
        CHECK(trainer.steps() == 0);
    }
}

TEST_CASE("Trainer: impossible counters are refused, and the weights are unchanged") {
    const auto with = [](const char* name, std::int64_t value) {
        Line line;
        Trainer trainer{line, AdamW{line}, {.accumulate = 2}};
        decltype(trainer)::each_state(
            [&]<class Leaf>(const ParamPath& path, Leaf& leaf) {
                if constexpr (std::same_as<typename Leaf::Scalar, std::int64_t>)
                    if (path.str() == name) leaf[0] = value;
            },
            trainer);
        const auto before = weights_of(line);
        const auto step = [&] {
            for (int i = 0; i < 2; ++i) trainer.step(std::vector<float>{1, 2});
        };
        const std::string text = support::message<StateError>(step);
        return weights_of(line) == before ? text : "the weights have changed";
    };
    CHECK(with("none", 0) == "the weights have changed");
    CHECK(with("trainer.steps", -1)
              .ends_with("counters: expected steps of at least 0 and less than 2 batches held, got -1 and 0"));
    CHECK(with("trainer.held", 2).ends_with("got 0 and 2"));
    CHECK(with("trainer.held", -1).ends_with("got 0 and -1"));
    CHECK(with("trainer.batches", -1).ends_with("counters: batches: expected at least 0, got -1"));
    CHECK(with("trainer.held", 1).ends_with("counters: samples of the batches held: expected at least 1, got 0"));
    for (const std::int64_t step : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()})
        CHECK(with("adam.step", step).ends_with("AdamW: step: expected 0 to 2^53 - 1, got " + std::to_string(step)));
    for (const char* name : {"steps", "batches", "samples"})  // counting on would overflow
        for (const std::int64_t n : {std::int64_t{1} << 53, std::numeric_limits<std::int64_t>::max()})
            CHECK(with(("trainer." + std::string{name}).c_str(), n)
                      .ends_with("counters: " + std::string{name} +
                                 (std::string_view{name} == "samples" ? " of the batches held" : "") +
                                 ": expected less than 2^53, got " + std::to_string(n)));
}

TEST_CASE("Trainer: steps with reject_spikes allocate nothing") {
    Told model;
    Trainer trainer{model, Plain{}, {.reject_above = 100, .reject_spikes = 10, .accumulate = 2}};
    const std::vector<float> batch{1, 3, 4};
    for (int i = 0; i < 20; ++i) trainer.step(batch);
    const std::size_t before = support::allocations();
    for (int i = 0; i < 4; ++i) trainer.step(batch);
    CHECK(support::allocations() == before);
}

TEST_CASE("Trainer: batches of different sizes in an accumulation give the gradient of one batch of all samples") {
    const auto images = bars(96, 1);
    const auto x = support::batch_of<float>(images);
    const Vae::Batch all{x};
    Rng rng{1}, same{1};
    const CodebookOptions options{.revive = {.below = 0}, .kmeans = false};  // not initialised from another batch
    Vae whole{rng, options}, parts{same, options};
    Trainer one{whole, Plain{}}, two{parts, Plain{}, {.accumulate = 2}};
    const auto report = one.step(all);
    two.step(all.slice(0, 64));
    const double norm = two.step(all.slice(64, 32)).grad_norm;
    CHECK(norm == doctest::Approx(report.grad_norm).epsilon(1e-6));
    double worst = 0, largest = 0;
    Vae::Params::each(
        [&](const ParamPath&, const auto& a, const auto& b) {
            for (std::size_t i = 0; i < a.span().size(); ++i) {
                worst = support::larger(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
                largest = std::max(largest, std::abs(static_cast<double>(a[i])));
            }
        },
        one.grad(), two.grad());
    CHECK(largest > 1e-3);
    CHECK(worst < 1e-6 * std::max(1.0, largest));
    const auto& a = whole.buffers().book;
    const auto& b = parts.buffers().book;
    for (std::size_t k = 0; k < Vae::codes; ++k) CHECK(a.count[k] == doctest::Approx(b.count[k]).epsilon(1e-6));
}

TEST_CASE("Trainer: equal batches of an accumulation are scaled by one over their number, bit for bit") {
    const auto x = support::batch_of<float>(bars(40, 1));
    const Vae::Batch all{x};
    Rng rng{1}, same{1};
    Vae vae{rng}, by_hand{same};
    Trainer trainer{vae, Plain{}, {.accumulate = 2, .seed = 3}};
    Vae::Workspace ws;
    Vae::Params grad;
    Vae::Statistics statistics;
    for (std::size_t i = 0; i < 2; ++i) {
        trainer.step(all.slice(20 * i, 20));
        const BatchPart part{.first = 0, .samples = 20, .divisor = 20, .micro_batch = i, .micro_batches = 2};
        ws.rng = Rng{3}.split(i);
        by_hand.prepare(all.slice(20 * i, 20), ws);
        std::as_const(by_hand).loss_and_grad(all.slice(20 * i, 20), part, ws, grad);
        by_hand.observe(ws, part, statistics);
    }
    Vae::Params::each(
        [](const ParamPath&, auto& g) {
            for (float& v : g.span()) v *= 0.5f;
        },
        grad);
    Plain{}.update(by_hand.params(), grad);
    by_hand.update(ws, statistics);
    CHECK(support::hash_bits(trainer.grad()) == support::hash_bits(grad));
    CHECK(support::hash_state(vae) == support::hash_state(by_hand));
}

TEST_CASE("Trainer: a schedule that goes by steps sees one rate for all batches of an update") {
    Line line;
    Trainer trainer{line, AdamW<Line::Params>{{.lr = 1}}, {.accumulate = 3}};
    const WarmupCosine rate{.lr = 0.1, .warmup = 2, .steps = 6};
    std::vector<double> rates;
    for (int batch = 0; batch < 18; ++batch) {
        trainer.optimizer().set_lr(rate(trainer.steps()));
        rates.push_back(rate(trainer.steps()));
        CHECK(trainer.steps() == static_cast<std::uint64_t>(batch) / 3);
        CHECK(trainer.batches() == static_cast<std::uint64_t>(batch));
        trainer.step(std::vector<float>{1, 2});
    }
    for (std::size_t i = 0; i < 18; ++i) CHECK(rates[i] == rate(i / 3));
    CHECK(trainer.steps() == 6);
    CHECK(trainer.optimizer().steps() == 6);
}

namespace {

// Plain, which throws on request.
struct Refusing : Plain {
    bool refuses = false;

    template <class P>
    void update(P& params, const P& grad) {
        if (refuses) throw std::runtime_error("optimizer");
        Plain::update(params, grad);
    }
};
// A VqVae that throws on request.
struct Fragile : Vae {
    using Vae::Vae;
    enum class At { nowhere, loss_and_grad, report, observe } at = At::nowhere;

    void loss_and_grad(Batch x, const BatchPart& part, Workspace& ws, Params& grad) const {
        Vae::loss_and_grad(x, part, ws, grad);
        if (at == At::loss_and_grad) throw std::runtime_error("loss_and_grad");
    }
    Report report(const Workspace& ws, std::size_t samples) const {
        if (at == At::report) throw std::runtime_error("report");
        return Vae::report(ws, samples);
    }
    void observe(Workspace& ws, const BatchPart& part, Statistics& statistics) const {
        Vae::observe(ws, part, statistics);
        if (at == At::observe) throw std::runtime_error("observe");
    }
};

}  // namespace

TEST_CASE("Trainer: whatever throws in a step, the first or a later one, nothing changes and the next step succeeds") {
    const auto x = support::batch_of<float>(bars(20, 1));
    using At = Fragile::At;
    for (const bool first : {true, false})
        for (const int where : {0, 1, 2, 3}) {
            CAPTURE(first);
            CAPTURE(where);
            Rng rng{1}, same{1};
            Fragile model{rng};
            Vae calm{same};
            Trainer trainer{model, Refusing{}};
            Trainer expected{calm, Refusing{}};
            if (!first) {
                trainer.step(x);
                expected.step(x);
            }
            const auto before = support::hash_state(trainer);
            model.at =
                std::array{At::loss_and_grad, At::report, At::observe, At::nowhere}[static_cast<std::size_t>(where)];
            trainer.optimizer().refuses = where == 3;
            const char* const words[] = {"loss_and_grad", "report", "observe", "optimizer"};
            CHECK(support::message<std::runtime_error>([&] { trainer.step(x); }) == words[where]);
            CHECK(support::hash_state(trainer) == before);
            model.at = At::nowhere;
            trainer.optimizer().refuses = false;
            trainer.step(x);
            expected.step(x);
            CHECK(support::hash_state(model) == support::hash_state(calm));
        }
}

TEST_CASE(
    "Trainer: an error in a later batch of an accumulation does not undo the initialisation by an earlier batch") {
    const auto x = support::batch_of<float>(bars(20, 1));
    Rng rng{1};
    Fragile model{rng};
    Trainer trainer{model, Plain{}, {.accumulate = 2}};
    trainer.step(x);
    const auto started = support::hash_state(model);
    model.at = Fragile::At::loss_and_grad;
    CHECK_THROWS_AS(trainer.step(x), std::runtime_error);
    CHECK(support::hash_state(model) == started);
    CHECK(support::message<ArgumentError>([&] { trainer.step({}); }) ==
          "Trainer: batch: expected at least one sample, got 0");
    CHECK(support::hash_state(model) == started);
    CHECK(trainer.batches() == 1);
}

TEST_CASE("Trainer: a model that was moved or destroyed is a StateError instead of a dangling pointer") {
    const auto x = support::batch_of<float>(bars(20, 1));
    const auto refused = [&](auto& trainer) { return support::message<StateError>([&] { trainer.step(x); }); };
    const std::string moved =
        "Trainer: the model has been moved since the trainer was made: expected it to stay where it was";
    const std::string gone =
        "Trainer: the model has been destroyed since the trainer was made: expected it to stay where it was";
    Rng rng{1};
    std::optional<Vae> vae{std::in_place, rng};
    Trainer trainer{*vae, AdamW{*vae}};
    CHECK(refused(trainer) == "");
    const auto copy = trainer;
    Vae elsewhere = std::move(*vae);
    CHECK(refused(trainer) == moved);
    Trainer second{elsewhere, AdamW{elsewhere}};
    CHECK(refused(second) == "");
    auto of_copy = copy;
    CHECK(refused(of_copy) == moved);

    std::optional<Prior> prior{std::in_place, rng};
    Trainer of_prior{*prior, AdamW{*prior}};
    prior.reset();
    const auto y = support::sequences<prior_config>(5, 1);
    CHECK(support::message<StateError>([&] { of_prior.step(support::batch_of<Prior>(y)); }) == gone);

    std::vector<Vae> models;
    models.emplace_back(rng);
    Trainer of_vector{models[0], AdamW{models[0]}};
    CHECK(refused(of_vector) == "");
    models.reserve(models.capacity() + 1);
    CHECK(refused(of_vector) == moved);
    CHECK_THROWS_AS(static_cast<void>(of_vector.wrapped()), StateError);
}

TEST_CASE("Trainer: whatever is called on a model, a trainer or an optimiser that was moved from is a StateError") {
    const auto x = support::batch_of<float>(bars(20, 1));
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}};
    trainer.step(x);
    auto file = io::SafetensorsFile{io::collect(trainer).bytes(), "x"};
    auto elsewhere = std::move(trainer);
    CHECK(elsewhere.steps() == 1);
    CHECK_THROWS_AS(trainer.step(x), StateError);
    CHECK_THROWS_AS(static_cast<void>(trainer.steps()), StateError);
    CHECK_THROWS_AS(static_cast<void>(trainer.batches()), StateError);
    CHECK_THROWS_AS(static_cast<void>(trainer.optimizer().lr()), StateError);
    CHECK_THROWS_AS(trainer.optimizer().set_lr(0.1), StateError);
    CHECK_THROWS_AS(static_cast<void>(io::collect(trainer)), StateError);
    CHECK_THROWS_AS(io::load(file, trainer), StateError);

    const Vae kept = std::move(vae);
    CHECK_THROWS_AS(static_cast<void>(vae.freeze()), StateError);
    CHECK_THROWS_AS((Trainer{vae, AdamW{kept}}), StateError);
    CHECK_NOTHROW(static_cast<void>(kept.freeze()));
}

TEST_CASE("Trainer: a model can be assigned to, and a copy of a trainer continues from the same state") {
    const auto x = support::batch_of<float>(bars(20, 1));
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}, {.clip_norm = 1}};
    for (int i = 0; i < 3; ++i) trainer.step(x);
    const Vae snapshot = vae;
    auto copy = trainer;
    for (int i = 0; i < 3; ++i) trainer.step(x);
    const auto expected = support::hash_state(trainer);
    vae = snapshot;
    CHECK(copy.steps() == 3);
    for (int i = 0; i < 3; ++i) copy.step(x);
    CHECK(support::hash_state(copy) == expected);
}

TEST_CASE("Trainer: draws come from the generator of the model, unless there is a seed") {
    const auto images = bars(40, 1);
    const auto x = support::batch_of<float>(images);
    const auto y = support::sequences<prior_config>(20, 1);
    // One set of weights in models of other generators.
    const auto start_of_codebook = [&](std::uint64_t generator, std::optional<std::uint64_t> seed,
                                       CodebookOptions options) {
        Rng first{1}, rng{generator};
        const Vae weights{first, options};
        Vae vae{rng, options};
        vae.params() = weights.params();
        vae.buffers() = weights.buffers();
        Trainer trainer{vae, Plain{}, {.seed = seed}};
        trainer.step(x);
        return support::hash_bits(vae.buffers());
    };
    const auto dropped = [&](std::uint64_t generator, std::optional<std::uint64_t> seed) {
        Rng first{1}, rng{generator};
        Prior weights{first}, prior{rng};
        prior.params() = weights.params();
        Trainer trainer{prior, Plain{}, {.seed = seed}};
        trainer.step(support::batch_of<Prior>(y));
        return support::hash_bits(prior.params());
    };
    const CodebookOptions kmeans{.revive = {.below = 0}}, revival{.revive = {.below = 1}, .kmeans = false},
        nothing{.revive = {.below = 0}, .kmeans = false};
    for (const CodebookOptions& options : {kmeans, revival}) {
        CHECK(start_of_codebook(42, {}, options) == start_of_codebook(42, {}, options));
        CHECK(start_of_codebook(42, {}, options) != start_of_codebook(43, {}, options));
        CHECK(start_of_codebook(42, 7, options) == start_of_codebook(43, 7, options));
        CHECK(start_of_codebook(42, 7, options) != start_of_codebook(42, 8, options));
    }
    CHECK(start_of_codebook(42, {}, nothing) == start_of_codebook(43, {}, nothing));
    CHECK(dropped(42, {}) == dropped(42, {}));
    CHECK(dropped(42, {}) != dropped(43, {}));
    CHECK(dropped(42, 7) == dropped(43, 7));
    CHECK(dropped(42, 7) != dropped(42, 8));
}

TEST_CASE("Trainer: a file contains the seed and the options of quantizer and loss") {
    Rng rng{1};
    Vae vae{rng};
    const auto find = [](const std::vector<Setting>& all, const std::string& key) {
        const auto found = std::ranges::find(all, key, &Setting::key);
        return found == all.end() ? std::string{"(none)"} : found->value;
    };
    const Trainer without{vae, AdamW{vae}}, with{vae, AdamW{vae}, {.seed = 7}};
    CHECK(find(without.settings(), "seed") == "of the model");
    CHECK(find(with.settings(), "seed") == "7");
    CHECK(find(without.wrapped().settings(), "ema.decay") == "0.99");
    CHECK(Vae::metadata()[0] == std::pair<std::string, std::string>{"codes", "8"});
}
