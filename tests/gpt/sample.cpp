#include <tessera/gpt/sample.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/chi_square.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace tessera;

namespace {

using Model = Gpt<support::tiny_gpt>;
constexpr std::size_t context = support::tiny_gpt.context, vocab = support::tiny_gpt.vocab;

const Model& model() {
    static const Model m = support::moved_model<Model>({}, 0.6f);
    return m;
}
std::vector<Token> sampled(std::size_t count, const SampleOptions& options, std::uint64_t seed = 3) {
    Rng rng{seed};
    const auto tokens = sample(model(), count, options, rng);
    return {tokens.view().span().begin(), tokens.view().span().end()};
}
// The most probable token at each position, from whole sequences.
std::vector<Token> greedy() {
    std::vector<Token> tokens(context);
    for (std::size_t t = 0; t < context; ++t) {
        const auto logits = model().logits({tokens.data(), 1});
        const auto row = logits.span().subspan(t * vocab, vocab);
        tokens[t] = static_cast<Token>(std::ranges::max_element(row) - row.begin());
    }
    return tokens;
}
}  // namespace

TEST_CASE("sample: a sequence depends neither on how many are drawn nor on the number of threads") {
    const auto forty = sampled(40, {});
    for (const std::size_t count : {1u, 2u, 7u, 33u}) {
        const auto fewer = sampled(count, {});
        CHECK(support::equal_values(std::span{forty}.first(fewer.size()), fewer));
    }
    CHECK(support::same_for_threads([] { return sampled(70, {.temperature = 0.8f, .top_k = 4, .top_p = 0.9}); }));
    CHECK(support::same_for_threads([] { return sampled(3, {}); }));  // a team
    const std::vector<Token> first(forty.begin(), forty.begin() + context),
        second(forty.begin() + context, forty.begin() + 2 * context);
    CHECK(first != second);
}

TEST_CASE("sample: advances the generator once per call") {
    Rng rng{3};
    const auto a = sample(model(), 5, {}, rng), b = sample(model(), 5, {}, rng);
    CHECK(!std::ranges::equal(a.view().span(), b.view().span()));
    Rng other{3};
    static_cast<void>(sample(model(), 1, {}, other));  // moves the generator
    const auto c = sample(model(), 5, {}, other);
    CHECK(support::equal_values(b.view().span(), c.view().span()));
}

TEST_CASE("sample: more sequences than a vector can hold are an error, such as -1") {
    Rng rng{3};
    const std::string text = support::message<ArgumentError>(
        [&] { static_cast<void>(sample(model(), static_cast<std::size_t>(-1), {}, rng)); });
    CHECK(text == "sample: count: expected at most " + std::to_string(std::vector<Token>{}.max_size() / context) +
                      ", got 18446744073709551615");
}

TEST_CASE("sample: frozen weights give the same as the model") {
    Rng rng{3};
    const auto tokens = sample(model().freeze(), 9, {.top_k = 3}, rng);
    CHECK(support::equal_values(sampled(9, {.top_k = 3}), tokens.view().span()));
}

TEST_CASE("sample: a temperature of 0 or near it, one kept token and a tiny top_p all draw the most probable token") {
    std::vector<Token> expected;
    for (int n = 0; n < 3; ++n) {
        const auto g = greedy();
        expected.insert(expected.end(), g.begin(), g.end());
    }
    for (const float temperature : {0.f, 1e-4f, 1e-20f, 1e-38f, std::numeric_limits<float>::denorm_min()})
        CHECK(sampled(3, {.temperature = temperature}) == expected);
    CHECK(sampled(3, {.top_k = 1}) == expected);
    CHECK(sampled(3, {.top_p = 1e-6f}) == expected);
    CHECK(sampled(3, {.min_p = 1}) == expected);
}

TEST_CASE("sample: labels condition the sequences and are kept, and without labels the null class is used") {
    const std::vector<Label> zeros(20, Label{0}), ones(20, Label{1});
    Rng rng{3};
    const auto tokens = sample(model(), 20, {.labels = ones}, rng);
    CHECK(tokens.classes() == 3);
    CHECK(support::equal_values(ones, tokens.labels()));
    const auto of_zero = sampled(20, {.labels = zeros}), of_one = sampled(20, {.labels = ones});
    CHECK(of_zero != of_one);
    CHECK(of_zero != sampled(20, {}));
    std::vector<Label> mixed(20, Label{0});
    mixed[3] = Label{1};
    const auto of_mixed = sampled(20, {.labels = mixed});
    for (std::size_t n = 0; n < 20; ++n)
        CHECK(support::equal_values(std::span{n == 3 ? of_one : of_zero}.subspan(n * context, context),
                                    std::span{of_mixed}.subspan(n * context, context)));
    CHECK(sampled(0, {}).empty());
}

TEST_CASE("sample: tokens are drawn with the probabilities of the model") {
    Rng rng{11};
    const auto tokens = sample(model(), 20000, {}, rng);
    const std::vector<Token> any(context);
    const auto logits = model().logits({any.data(), 1});
    std::vector<double> p(vocab);
    double sum = 0;
    for (std::size_t i = 0; i < vocab; ++i) sum += p[i] = std::exp(static_cast<double>(logits.data()[i]));
    for (double& v : p) v /= sum;
    std::vector<std::size_t> counts(vocab);
    for (std::size_t n = 0; n < tokens.size(); ++n) ++counts[tokens[n][0]];
    CHECK(support::chi_square(counts, p) < 30);  // 6 degrees of freedom: exceeded once in 25000
}

TEST_CASE("sample: a model with NaN in its weights is a NumericError") {
    auto broken = support::moved_model<Model>();
    std::get<3>(broken.params().net.items).weight[5] = std::numeric_limits<float>::quiet_NaN();
    Rng rng{1};
    CHECK_THROWS_AS(static_cast<void>(sample(broken, 40, {}, rng)), NumericError);
}

TEST_CASE("sample: a bound on the rows in memory changes no sequence, with one thread or several") {
    const auto all = sampled(70, {.temperature = 0.8f, .top_k = 4});
    for (const std::size_t max_rows : {1u, 2u, 7u, 9u, 33u, 64u, 100u})
        CHECK(support::same_for_threads([&] {
            const auto some = sampled(70, {.temperature = 0.8f, .top_k = 4, .max_rows = max_rows});
            CHECK(some == all);
            return some;
        }));
}

TEST_CASE("sample: each sequence with its settings and seed, whatever the batch and its place in it") {
    std::vector<SequenceOptions> each(12);
    for (std::size_t n = 0; n < each.size(); ++n) {
        if (n % 3 != 0) each[n].seed = 100 + n % 6;
        each[n].draw = {.temperature = n % 2 == 0 ? 0.7f : 1.2f, .top_k = n % 4, .top_p = n % 5 == 0 ? 0.8 : 1};
    }
    std::vector<Label> labels(12);
    for (std::size_t n = 0; n < labels.size(); ++n) labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
    const auto together = sampled(12, {.labels = labels, .each = each});
    const auto sequence = [](const std::vector<Token>& all, std::size_t n) {
        return std::vector<Token>(all.begin() + static_cast<std::ptrdiff_t>(n * context),
                                  all.begin() + static_cast<std::ptrdiff_t>((n + 1) * context));
    };
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < each.size(); ++n) {
        if (!each[n].seed) continue;
        // alone, and last of nine behind others; the generator of the call does not matter
        const std::vector<SequenceOptions> alone{each[n]};
        const std::vector<Label> its_label{labels[n]};
        wrong += sampled(1, {.labels = its_label, .each = alone}, 1000 + n) != sequence(together, n);
        std::vector<SequenceOptions> nine(9);
        std::vector<Label> nine_labels(9, Label{2});
        nine.back() = each[n];
        nine_labels.back() = labels[n];
        wrong += sequence(sampled(9, {.labels = nine_labels, .each = nine}, 77), 8) != sequence(together, n);
    }
    CHECK(wrong == 0);
    // without a seed sequence n has the n-th stream of the generator, as without `each`
    const std::vector<SequenceOptions> same(5, {.draw = {.temperature = 0.8f, .min_p = 0.05}});
    CHECK(sampled(5, {.each = same}) == sampled(5, {.temperature = 0.8f, .min_p = 0.05}));
    std::vector<SequenceOptions> seeds(3);
    for (auto& one : seeds) one.seed = 5;
    const auto equal = sampled(3, {.each = seeds});
    CHECK(sequence(equal, 0) == sequence(equal, 2));
}

TEST_CASE("sample: the callback gets every token in a fixed order, and its probabilities") {
    std::vector<Label> labels(40);
    for (std::size_t n = 0; n < labels.size(); ++n) labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
    const SampleOptions options{.temperature = 0.7f, .top_k = 4, .labels = labels};
    const auto drawn = [&] {
        std::vector<double> seen;
        Rng rng{3};
        std::ignore = sample(model(), 40, options, rng, [&](const DrawnToken& t) {
            for (const std::size_t i : {t.sequence, t.position, std::size_t{t.token}})
                seen.push_back(static_cast<double>(i));
            seen.push_back(t.log_probability);
            seen.push_back(t.log_drawn);
        });
        return seen;
    };
    CHECK(support::same_for_threads(drawn));
    const auto seen = drawn();
    const auto tokens = sampled(40, options);
    REQUIRE(seen.size() == 5 * 40 * context);
    const data::Tokens<context> sequences{tokens, labels, 3};
    const auto logits = model().logits(sequences.view(), sequences.labels());
    double total = 0, worst = 0, worst_drawn = 0;
    std::size_t at = 0, wrong = 0;
    for (std::size_t first = 0; first < 40; first += 20)  // two groups of 20
        for (std::size_t position = 0; position < context; ++position)
            for (std::size_t n = first; n < first + 20; ++n, ++at) {
                const double* t = seen.data() + 5 * at;
                wrong += t[0] != static_cast<double>(n) || t[1] != static_cast<double>(position) ||
                         t[2] != static_cast<double>(tokens[n * context + position]);
                // p of the model; and of its fourth power's root: p^(1 / 0.7) of the four largest, renormalised
                const auto row = logits.span().subspan((n * context + position) * vocab, vocab);
                double sum = 0, sum_cold = 0;
                std::vector<double> sorted(row.begin(), row.end());
                std::ranges::sort(sorted, std::ranges::greater{});
                for (std::size_t i = 0; i < vocab; ++i) sum += std::exp(sorted[i]);
                for (std::size_t i = 0; i < 4; ++i) sum_cold += std::exp(sorted[i] / static_cast<double>(0.7f));
                const double logit = static_cast<double>(row[tokens[n * context + position]]);
                worst = support::larger(worst, std::abs(t[3] - (logit - std::log(sum))));
                worst_drawn = support::larger(
                    worst_drawn, std::abs(t[4] - (logit / static_cast<double>(0.7f) - std::log(sum_cold))));
                total += t[3];
            }
    CHECK(wrong == 0);
    CHECK(worst < 1e-6);
    CHECK(worst_drawn < 2e-6);
    CHECK(-total / (40 * context) == doctest::Approx(model().evaluate(sequences)).epsilon(1e-6));
}

TEST_CASE("sample: a callback that returns false ends its sequence, and no other") {
    const auto whole = sampled(12, {});
    for (const std::size_t max_rows : {0u, 5u}) {
        std::vector<std::size_t> counts(12);
        Rng rng{3};
        const auto tokens = sample(model(), 12, {.max_rows = max_rows}, rng, [&](const DrawnToken& t) {
            ++counts[t.sequence];
            return t.sequence % 2 == 0 && t.position < 2;  // the even ones after the third token, the others at once
        });
        std::size_t wrong = 0;
        for (std::size_t n = 0; n < 12; ++n)
            for (std::size_t i = 0; i < context; ++i)
                wrong += tokens[n][i] != (i < (n % 2 == 0 ? 3u : 1u) ? whole[n * context + i] : no_token);
        CHECK(wrong == 0);
        CHECK(counts == std::vector<std::size_t>{3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1});
    }
}

TEST_CASE("sample: what a callback throws reaches the caller, and the generator is unchanged") {
    Rng rng{3};
    const std::uint64_t before = rng.position();
    CHECK_THROWS_AS(std::ignore = sample(model(), 9, {}, rng,
                                         [](const DrawnToken& t) {
                                             if (t.position == 2) throw StateError("enough");
                                         }),
                    StateError);
    CHECK(rng.position() == before);
    const auto tokens = sample(model(), 9, {}, rng);
    CHECK(support::equal_values(sampled(9, {}), tokens.view().span()));
}

TEST_CASE("sample: options out of range are refused, by name") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    const std::vector<Label> twelve{Label{0}, Label{12}}, one{Label{0}};
    const auto message = [](const SampleOptions& options) {
        return support::message<ArgumentError>([&] { sampled(2, options); });
    };
    CHECK(message({.temperature = -1}) == "sample: temperature: expected a finite number >= 0, got -1.000000");
    CHECK(message({.temperature = nan}) == "sample: temperature: expected a finite number >= 0, got nan");
    CHECK(message({.temperature = infinity}) == "sample: temperature: expected a finite number >= 0, got inf");
    CHECK(message({.top_p = 0}) == "sample: top_p: expected a number in (0, 1], got 0.000000");
    CHECK(message({.top_p = 1.5}) == "sample: top_p: expected a number in (0, 1], got 1.500000");
    CHECK(message({.top_p = nan}) == "sample: top_p: expected a number in (0, 1], got nan");
    CHECK(message({.min_p = -0.1}) == "sample: min_p: expected a number in [0, 1], got -0.100000");
    CHECK(message({.min_p = 1.1}) == "sample: min_p: expected a number in [0, 1], got 1.100000");
    CHECK(message({.min_p = nan}) == "sample: min_p: expected a number in [0, 1], got nan");
    CHECK(message({.labels = twelve}) == "sample: label: expected less than 3, got 12");
    CHECK(message({.labels = one}) == "sample: labels: expected 2 (one per sequence) or none, got 1");
    const std::vector<SequenceOptions> three(3), bad{{}, {.draw = {.top_p = 2}}};
    CHECK(message({.each = three}) == "sample: each: expected 2 (one per sequence) or none, got 3");
    CHECK(message({.each = bad}) == "sample: sequence 1: top_p: expected a number in (0, 1], got 2.000000");
    CHECK(message({.top_k = 3, .each = std::span{three}.first(2)}) ==
          "sample: each: expected no common temperature, top_k, top_p, min_p or guidance next to it, got both");
}

TEST_CASE("sample: a prior without classes refuses labels") {
    using Plain = Gpt<GptConfig{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1}>;
    Rng rng{1};
    const Plain plain{rng};
    const std::vector<Label> labels(2);
    CHECK(support::message<ArgumentError>([&] { std::ignore = sample(plain, 2, {.labels = labels}, rng); }) ==
          "sample: labels: expected none, as the prior has no classes, got 2");
    CHECK(sample(plain, 2, {}, rng).size() == 2);
}
