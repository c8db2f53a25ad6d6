#include <tessera/gpt/guidance.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/sample.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

using namespace tessera;

namespace guidance_test {

namespace {

using Model = Gpt<support::tiny_gpt>;
constexpr std::size_t context = support::tiny_gpt.context, vocab = support::tiny_gpt.vocab;

const Model& model() {
    static const Model m = support::moved_model<Model>({}, 0.6f);
    return m;
}
std::vector<Label> classes_in_turn(std::size_t count) {
    std::vector<Label> labels(count);
    for (std::size_t n = 0; n < count; ++n) labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
    return labels;
}
std::vector<Token> sampled(std::size_t count, const SampleOptions& options, std::uint64_t seed = 3) {
    Rng rng{seed};
    const auto tokens = sample(model(), count, options, rng);
    return {tokens.view().span().begin(), tokens.view().span().end()};
}
// logits = uncond + w (cond - uncond) at a position, from whole sequences.
std::vector<double> guided(const std::vector<Token>& sequence, Label label, std::size_t at, double w) {
    const std::vector<Label> labels{label};
    const auto cond = model().logits({sequence.data(), 1}, labels), uncond = model().logits({sequence.data(), 1});
    std::vector<double> logits(vocab);
    for (std::size_t i = 0; i < vocab; ++i) {
        const double c = static_cast<double>(cond.data()[at * vocab + i]);
        const double u = static_cast<double>(uncond.data()[at * vocab + i]);
        logits[i] = u + w * (c - u);
    }
    return logits;
}
// The most probable token at each position.
std::vector<Token> greedy(Label label, const Guidance& guidance) {
    std::vector<Token> tokens(context);
    for (std::size_t t = 0; t < context; ++t) {
        const auto logits = guided(tokens, label, t, static_cast<double>(guidance.at(t, context)));
        tokens[t] = static_cast<Token>(std::ranges::max_element(logits) - logits.begin());
    }
    return tokens;
}

}  // namespace

TEST_CASE("Guidance: constant, or linear from the first to the last position") {
    CHECK(Guidance{}.at(3, 49) == 1);
    CHECK(!Guidance{}.is_on());
    CHECK(Guidance{2.5f}.at(0, 49) == 2.5f);
    CHECK(Guidance{2.5f}.at(48, 49) == 2.5f);
    const Guidance rises = Guidance::linear({.from = 1, .to = 4});
    CHECK(rises.is_on());
    CHECK(rises.at(0, 49) == 1);
    CHECK(rises.at(24, 49) == 2.5f);
    CHECK(rises.at(48, 49) == 4);
    CHECK(rises.at(0, 1) == 1);
    CHECK(Guidance::linear({.from = 3, .to = 0}).at(1, 4) == 2);
    CHECK(!Guidance::linear({}).is_on());
    CHECK(Guidance::linear({.from = 2, .to = 2}) == Guidance{2});
}

TEST_CASE("guide: uncond + w (cond - uncond), as a scalar loop") {
    for (const std::size_t n : {1u, 7u, 8u, 9u, 16u, 31u, 256u}) {
        Rng rng{n};
        std::vector<float> cond(n), uncond(n), expected(n);
        for (std::size_t i = 0; i < n; ++i) {
            cond[i] = rng.normal();
            uncond[i] = rng.normal();
            expected[i] = std::fma(2.3f, cond[i] - uncond[i], uncond[i]);
        }
        detail::guide<float>(uncond, cond, 2.3f);
        CHECK(cond == expected);
    }
}

TEST_CASE("sample: a guidance of 1 changes no bit, and 0 is the null class") {
    const auto labels = classes_in_turn(40);
    const std::vector<SequenceOptions> ones(40);
    CHECK(sampled(40, {.labels = labels, .guidance = 1}) == sampled(40, {.labels = labels}));
    CHECK(sampled(40, {.labels = labels, .guidance = 0}) == sampled(40, {}));
    CHECK(sampled(40, {.labels = labels, .guidance = 3}) != sampled(40, {.labels = labels}));
    auto one_of = ones;  // the others have a row for the null class, too, and must not read it
    one_of[5].guidance = 4;
    const auto mixed = sampled(40, {.labels = labels, .each = one_of});
    const auto plain = sampled(40, {.labels = labels}), all = sampled(40, {.labels = labels, .guidance = 4});
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < 40; ++n)
        wrong += !std::equal(&mixed[n * context], &mixed[n * context] + context, &(n == 5 ? all : plain)[n * context]);
    CHECK(wrong == 0);
}

TEST_CASE("sample: with guidance the logits are those of the formula, constant or linear") {
    for (const Guidance& guidance :
         {Guidance{2}, Guidance{0.5f}, Guidance{7}, Guidance::linear({.from = 0, .to = 6})}) {
        const auto labels = classes_in_turn(3);
        const auto got = sampled(3, {.temperature = 0, .labels = labels, .guidance = guidance});
        std::vector<Token> expected;
        for (const Label label : labels) {
            const auto tokens = greedy(label, guidance);
            expected.insert(expected.end(), tokens.begin(), tokens.end());
        }
        CHECK(got == expected);
    }
    // the probabilities of what is drawn
    const auto labels = classes_in_turn(20);
    const auto drawn = sampled(20, {.labels = labels, .guidance = 2.5f});
    Rng rng{3};
    double worst = 0, worst_of_model = 0;
    std::ignore = sample(model(), 20, {.labels = labels, .guidance = 2.5f}, rng, [&](const DrawnToken& t) {
        const std::vector<Token> sequence(&drawn[t.sequence * context], &drawn[t.sequence * context] + context);
        const auto log_p = [&](double w) {
            const auto logits = guided(sequence, labels[t.sequence], t.position, w);
            double sum = 0;
            for (const double x : logits) sum += std::exp(x);
            return logits[t.token] - std::log(sum);
        };
        worst = support::larger(worst, std::abs(t.log_drawn - log_p(2.5)));
        worst_of_model = support::larger(worst_of_model, std::abs(t.log_probability - log_p(1)));
    });
    CHECK(worst < 1e-5);
    CHECK(worst_of_model < 1e-6);
}

TEST_CASE("sample: with guidance a sequence depends neither on the batch nor on threads nor on the rows in memory") {
    const auto labels = classes_in_turn(70);
    const auto all = sampled(70, {.temperature = 0.8f, .labels = labels, .guidance = 2});
    for (const std::size_t count : {1u, 8u, 9u, 17u})
        CHECK(support::equal_values(
            std::span{all}.first(count * context),
            sampled(count, {.temperature = 0.8f, .labels = std::span{labels}.first(count), .guidance = 2})));
    for (const std::size_t max_rows : {0u, 2u, 3u, 18u, 40u})
        CHECK(support::same_for_threads([&] {
            const auto some = sampled(70, {.temperature = 0.8f, .labels = labels, .guidance = 2, .max_rows = max_rows});
            CHECK(some == all);
            return some;
        }));
}

TEST_CASE("sample: guidance that means nothing is refused") {
    const auto labels = classes_in_turn(2);
    const auto message = [&](const SampleOptions& options) {
        return support::message<ArgumentError>([&] { sampled(2, options); });
    };
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    CHECK(message({.labels = labels, .guidance = -1}) ==
          "sample: guidance: expected a finite number >= 0, got -1.000000");
    CHECK(message({.labels = labels, .guidance = nan}) == "sample: guidance: expected a finite number >= 0, got nan");
    CHECK(message({.labels = labels, .guidance = Guidance::linear({.from = 1, .to = infinity})}) ==
          "sample: guidance: expected a finite number >= 0, got inf");
    CHECK(message({.guidance = 2}) == "sample: guidance: expected labels, one per sequence, got none");
    CHECK(message({.labels = labels, .guidance = 2, .max_rows = 1}) ==
          "sample: max_rows: expected at least 2, as a sequence with guidance has two rows, got 1");
    const std::vector<SequenceOptions> plain(2), bad{{}, {.guidance = -2}};
    CHECK(message({.labels = labels, .guidance = 2, .each = plain}) ==
          "sample: each: expected no common temperature, top_k, top_p, min_p or guidance next to it, got both");
    CHECK(message({.labels = labels, .each = bad}) ==
          "sample: sequence 1: guidance: expected a finite number >= 0, got -2.000000");

    const auto never = support::moved_model<Model>({.label_dropout = 0});
    Rng rng{1};
    const std::string untrained =
        "sample: guidance: expected a prior that learned the null class, with label_dropout above 0, got one with "
        "label_dropout 0";
    CHECK(support::message<ArgumentError>(
              [&] { std::ignore = sample(never, 2, {.labels = labels, .guidance = 2}, rng); }) == untrained);
    CHECK(support::message<ArgumentError>(
              [&] { std::ignore = sample(never.freeze(), 2, {.labels = labels, .guidance = 2}, rng); }) == untrained);
    CHECK(sample(never, 2, {.labels = labels}, rng).size() == 2);

    using Plain = Gpt<GptConfig{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1}>;
    const Plain without{rng};
    CHECK(support::message<ArgumentError>([&] { std::ignore = sample(without, 2, {.guidance = 2}, rng); }) ==
          "sample: guidance: expected 1, as the prior has no classes, got another weight");
    const std::vector<Token> zeros(Plain::context);
    CHECK(support::message<ArgumentError>([&] {
              std::ignore = without.logits({zeros.data(), 1}, std::span{labels}.first(1));
          }) == "Gpt::logits: labels: expected none, as the prior has no classes, got 1");
}

}  // namespace guidance_test
