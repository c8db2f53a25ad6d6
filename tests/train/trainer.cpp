#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;

namespace {

using Vae = support::TinyVae<float>;
constexpr GptConfig prior_config{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1, .classes = 3,
                                 .dropout_percent = 10};
using Prior = Gpt<prior_config>;

// y = slope x + offset through points (x, y): a model of its own, with nothing optional.
struct Line {
    struct Params {
        Param<float, Shape<1>> slope, offset;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            under("line", f)("slope", p.slope...);
            under("line", f)("offset", p.offset...);
        }
    };
    struct Report {
        double loss = 0, grad_norm = 0;
    };
    struct Workspace {
        Rng rng{};
    };
    using Batch = std::span<const float>;

    Params weights;
    Params& params() { return weights; }
    Report loss_and_grad(Batch points, Workspace&, Params& grad) const {
        Report report;
        const float n = static_cast<float>(points.size() / 2);
        for (std::size_t i = 0; i < points.size(); i += 2) {
            const float error = weights.slope[0] * points[i] + weights.offset[0] - points[i + 1];
            report.loss += static_cast<double>(error * error / n);
            grad.slope[0] += 2 * error * points[i] / n;
            grad.offset[0] += 2 * error / n;
        }
        return report;
    }
};
// A gradient that is what the batch says: loss, then the gradients of slope and offset.
struct Told : Line {
    Report loss_and_grad(Batch told, Workspace&, Params& grad) const {
        grad.slope[0] += told[1];
        grad.offset[0] += told[2];
        return {static_cast<double>(told[0]), 0};
    }
};

template <class Model>
std::uint64_t weights_of(Model& model) {
    return support::hash_bits(model.params());
}

struct Plain {  // gradient descent: weights show the gradient
    template <class P>
    void update(P& params, const P& grad) {
        P::each(
            [](const Path&, auto& p, const auto& g) {
                for (std::size_t i = 0; i < p.span().size(); ++i) p[i] -= g[i];
            },
            params, grad);
    }
};

}  // namespace

TEST_CASE("Trainer: a step of both stages is the calls of its head comment, bit for bit") {
    Rng rng{1}, same{1};
    Vae vae{rng}, by_hand{same};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-3}}, {.clip_norm = 0.01, .seed = 9}};
    AdamW optimizer{by_hand, {.lr = 1e-3}};
    Vae::Workspace ws;
    Vae::Params grad;
    bool same_reports = true;
    for (std::uint64_t step = 0; step < 4; ++step) {
        const auto x = support::batch_of<float>(bars(20, step));
        const VqVaeReport report = trainer.step(x);
        ws.rng = Rng{9}.split(step);
        by_hand.prepare(x, ws);
        set_zero(grad);
        const VqVaeReport expected = std::as_const(by_hand).loss_and_grad(x, ws, grad);
        const double norm = clip_grad_norm(grad, 0.01);
        optimizer.update(by_hand.params(), grad);
        by_hand.update_buffers(ws);
        same_reports &= report.loss == expected.loss && report.grad_norm == norm && report.used == expected.used;
    }
    CHECK(same_reports);
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
        prior_ws.rng = Rng{0}.split(step);
        set_zero(prior_grad);
        prior_by_hand.loss_and_grad(support::batch_of<Prior>(x), prior_ws, prior_grad);
        prior_optimizer.update(prior_by_hand.params(), prior_grad);
    }
    CHECK(weights_of(prior) == weights_of(prior_by_hand));
}

TEST_CASE("Trainer: one, two and three threads give the same bits for both stages") {
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        for (std::uint64_t step = 0; step < 3; ++step) trainer.step(support::batch_of<float>(bars(40, step)));
        return support::hash_state(vae);
    }));
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Prior prior{rng};
        Trainer trainer{prior, AdamW{prior}};
        for (std::uint64_t step = 0; step < 3; ++step)
            trainer.step(support::batch_of<Prior>(support::sequences<prior_config>(40, step)));
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

TEST_CASE("Trainer: two half batches make the gradient of the whole one, and one update") {
    Line whole, halves;
    const std::vector<float> points{1, 2, -3, 1, 2, 2, 4, -1, 0.5f, 3, 1, -2, 2, 7, -1, 1};
    const std::span<const float> all{points};
    Trainer one{whole, AdamW<Line::Params>{{.lr = 0.1}}}, two{halves, AdamW<Line::Params>{{.lr = 0.1}}, {.accumulate = 2}};
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
    CHECK(two.steps() == 10);
    CHECK(two.optimizer().steps() == 5);
}

TEST_CASE("Trainer: clip_norm shortens the gradient and reports its length before") {
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

TEST_CASE("Trainer: a loss or a gradient that is no number is an error with step and tensor, and weights stay") {
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

TEST_CASE("Trainer: a NaN in an image is an error that names the step, and the model stays as it was") {
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}};
    auto x = support::batch_of<float>(bars(20, 1));
    trainer.step(x);
    const auto before = support::hash_state(vae);
    const float good = std::exchange(x[11][40], std::numeric_limits<float>::quiet_NaN());
    const std::string message = support::message<NumericError>([&] { trainer.step(x); });
    CHECK(message.starts_with("Trainer: step 1: VqVae: encoder output "));
    CHECK(message.ends_with(": expected a finite number, got nan"));
    CHECK(support::hash_state(vae) == before);
    x[11][40] = good;
    CHECK(std::isfinite(trainer.step(x).loss));
    CHECK(support::hash_state(vae) != before);
}

TEST_CASE("Trainer: after an error an accumulation begins again") {
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

TEST_CASE("Trainer: learns a line with a model of the user's") {
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
    CHECK(message({.clip_norm = -1}) == "Trainer: clip_norm: expected a number >= 0, got -1.000000");
    CHECK(message({.clip_norm = std::nan("")}) == "Trainer: clip_norm: expected a number >= 0, got nan");
    CHECK(message({.accumulate = 0}) == "Trainer: accumulate: expected at least 1, got 0");
}

namespace {

// Takes a step of its own trainer while a step is taken.
struct Restless {
    using Params = Line::Params;
    using Report = Line::Report;
    struct Workspace {
        Rng rng{};
    };
    using Batch = std::span<const float>;
    Params weights;
    std::function<void()> again;

    Params& params() { return weights; }
    Report loss_and_grad(Batch, Workspace&, Params&) const {
        if (again) again();
        return {};
    }
};

}  // namespace

TEST_CASE("Trainer: a step within a step is a StateError, and the trainer is free afterwards") {
    Restless model;
    Trainer<Restless, Plain> trainer{model, Plain{}};
    model.again = [&] { trainer.step({}); };
    CHECK(support::message<StateError>([&] { trainer.step({}); }) ==
          "Trainer: is at work already: expected one call at a time");
    model.again = nullptr;
    CHECK_NOTHROW(trainer.step({}));
    CHECK(trainer.steps() == 1);
}

TEST_CASE("Trainer: an error of the first step takes the start of the codes back") {
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}, {.clip_norm = 1}};
    auto x = support::batch_of<float>(bars(20, 1));
    const auto before = support::hash_state(trainer);
    float* bias = nullptr;
    Vae::Params::each([&](const Path& path, auto& leaf) { if (path.str() == "decoder.0.bias") bias = leaf.data(); },
                      vae.params());
    REQUIRE(bias);
    const float good = std::exchange(*bias, std::numeric_limits<float>::quiet_NaN());
    CHECK_THROWS_AS(trainer.step(x), NumericError);
    *bias = good;
    CHECK(support::hash_state(trainer) == before);
    CHECK_NOTHROW(trainer.step(x));
}

TEST_CASE("Trainer: a gradient above reject_above is an error, and the step was none") {
    Told model;
    Trainer trainer{model, AdamW<Told::Params>{}, {.clip_norm = 1, .reject_above = 10}};
    trainer.step(std::vector<float>{1, 2, 3});
    const auto before = support::hash_state(trainer);
    CHECK(support::message<NumericError>([&] { trainer.step(std::vector<float>{1, 30, 40}); }) ==
          "Trainer: step 1: gradient: norm: expected at most 10, got 50");
    CHECK(support::hash_state(trainer) == before);
    CHECK_NOTHROW(trainer.step(std::vector<float>{1, 6, 8}));
    CHECK(support::message<ArgumentError>([&] { Trainer(model, Plain{}, {.reject_above = -1}); }) ==
          "Trainer: reject_above: expected a number >= 0, got -1");
}

TEST_CASE("Trainer: a gradient that is many times longer than usual is an error, and the step was none") {
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

TEST_CASE("Trainer: what is usual is part of a trainer's state, and its options part of a file's") {
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

TEST_CASE("Trainer: buffers, which learn from every batch of an accumulation, do not learn from an outlier") {
    struct Buffered : Told {
        int* updates;
        void update_buffers(Workspace&) { ++*updates; }
    };
    int updates = 0;
    Buffered model;
    model.updates = &updates;
    Trainer trainer{model, Plain{}, {.reject_spikes = 10, .accumulate = 4}};
    for (int i = 0; i < 32; ++i) trainer.step(std::vector<float>{1, 3, 4});
    CHECK(updates == 32);
    // the first of four is allowed twice as much as their mean
    CHECK_THROWS_AS(trainer.step(std::vector<float>{1, 63, 84}), NumericError);
    CHECK(updates == 32);
    CHECK_NOTHROW(trainer.step(std::vector<float>{1, 57, 76}));
    CHECK_THROWS_AS(trainer.step(std::vector<float>{1, 57, 76}), NumericError);
    CHECK(updates == 33);
}

TEST_CASE("Trainer: a gradient that is no number in the middle of an accumulation is named, and buffers do not learn") {
    for (const TrainerOptions& options : {TrainerOptions{.reject_above = 100, .accumulate = 2},
                                          TrainerOptions{.reject_spikes = 10, .accumulate = 2}}) {
        Told model;
        Trainer trainer{model, Plain{}, options};
        CHECK(support::message<NumericError>(
                  [&] { trainer.step(std::vector<float>{1, std::numeric_limits<float>::infinity(), 1}); }) ==
              "Trainer: step 0: gradient of line.slope[0]: expected finite numbers");
        CHECK(trainer.steps() == 0);
    }
}

TEST_CASE("Trainer: counters that no run can have are refused, and the weights stay") {
    const auto with = [](const char* name, std::int64_t value) {
        Line line;
        Trainer trainer{line, AdamW{line}, {.accumulate = 2}};
        decltype(trainer)::each_state(
            [&]<class Leaf>(const Path& path, Leaf& leaf) {
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
    CHECK(with("trainer.steps", -1).ends_with(
        "counters: expected steps of at least 0 and less than 2 batches held, got -1 and 0"));
    CHECK(with("trainer.held", 2).ends_with("got 0 and 2"));
    CHECK(with("trainer.held", -1).ends_with("got 0 and -1"));
    for (const std::int64_t step : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()})
        CHECK(with("adam.step", step).ends_with("AdamW: step: expected 0 to 2^53 - 1, got " + std::to_string(step)));
}

TEST_CASE("Trainer: steps that look for outliers allocate nothing") {
    Told model;
    Trainer trainer{model, Plain{}, {.reject_above = 100, .reject_spikes = 10, .accumulate = 2}};
    const std::vector<float> batch{1, 3, 4};
    for (int i = 0; i < 20; ++i) trainer.step(batch);
    const std::size_t before = support::allocations();
    for (int i = 0; i < 4; ++i) trainer.step(batch);
    CHECK(support::allocations() == before);
}
