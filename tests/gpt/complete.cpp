#include <tessera/gpt/complete.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/sample.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

using namespace tessera;

namespace complete_test {

namespace {

// More tokens than a strip of attention has rows, and a remainder.
constexpr GptConfig config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
using Model = Gpt<config>;
constexpr std::size_t context = config.context, vocab = config.vocab;
using Sequences = View<const Token, Shape<context>>;

const Model& model() {
    static const Model m = support::moved_model<Model>({}, 0.4f);
    return m;
}
std::vector<Token> values(const data::Tokens<context>& tokens) {
    return {tokens.view().span().begin(), tokens.view().span().end()};
}
std::vector<Token> completed(const std::vector<Token>& tokens, const SampleOptions& options, std::uint64_t seed = 3) {
    Rng rng{seed};
    return values(complete(model(), Sequences{tokens.data(), tokens.size() / context}, options, rng));
}
// One sequence, from logits of whole sequences: the same draws without a cache.
std::vector<Token> completed_without_cache(std::vector<Token> tokens, std::size_t n, const DrawOptions& options,
                                           std::uint64_t seed) {
    Rng rng{seed};
    Rng stream = rng.fork().split(n);
    std::vector<Token> order(vocab);
    for (std::size_t t = 0; t < context; ++t) {
        if (tokens[t] != no_token) continue;
        std::vector<Token> before(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(t));
        before.resize(context);
        auto logits = model().logits({before.data(), 1});
        tokens[t] = draw_token<float>(logits.span().subspan(t * vocab, vocab), options, order, stream);
    }
    return tokens;
}

}  // namespace

TEST_CASE("complete: known tokens are kept, and the others are drawn after all tokens before them, bit for bit") {
    const auto whole = values(support::sequences<config>(30, 5));
    for (const std::size_t count : {1u, 9u, 30u}) {
        for (const std::size_t known : {0u, 1u, 7u, 18u, 19u}) {
            Rng rng{3};
            const auto got = values(
                complete(model(), Sequences{whole.data(), count}, known, {.temperature = 0.8f, .top_k = 9}, rng));
            std::size_t wrong = 0;
            for (std::size_t n = 0; n < count; ++n) {
                std::vector<Token> part(&whole[n * context], &whole[n * context] + context);
                std::fill(part.begin() + static_cast<std::ptrdiff_t>(known), part.end(), no_token);
                const auto expected =
                    completed_without_cache(part, n, {.temperature = 0.8f, .top_k = 9, .top_p = 1}, 3);
                wrong += !std::equal(expected.begin(), expected.end(), &got[n * context]);
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("complete: with nothing known it is sample") {
    std::vector<Label> labels(40);
    for (std::size_t n = 0; n < labels.size(); ++n) labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
    const SampleOptions options{.temperature = 0.9f, .top_p = 0.9, .labels = labels, .guidance = 1.5f};
    Rng rng{8};
    CHECK(completed(std::vector<Token>(40 * context, no_token), options, 8) ==
          values(sample(model(), 40, options, rng)));
    CHECK(completed({}, {}).empty());
}

TEST_CASE("complete: any positions can be known; what is drawn depends on those before it only") {
    auto tokens = values(support::sequences<config>(12, 6));
    Rng rng{9};
    for (Token& t : tokens) t = rng.uniform() < 0.5f ? no_token : t;
    const auto got = completed(tokens, {.top_p = 0.9});
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < 12; ++n) {
        const std::vector<Token> part(&tokens[n * context], &tokens[n * context] + context);
        const auto expected = completed_without_cache(part, n, {.top_p = 0.9}, 3);
        wrong += !std::equal(expected.begin(), expected.end(), &got[n * context]);
    }
    CHECK(wrong == 0);
    // the same positions of each sequence, by a mask
    std::array<bool, context> known{};
    for (std::size_t i = 0; i < context; ++i) known[i] = i % 3 == 1;
    const auto whole = values(support::sequences<config>(5, 7));
    auto masked = whole;
    for (std::size_t i = 0; i < masked.size(); ++i)
        if (!known[i % context]) masked[i] = no_token;
    Rng other{3};
    const auto by_mask = values(complete(model().freeze(), Sequences{whole.data(), 5}, known, {}, other));
    CHECK(by_mask == completed(masked, {}));
    for (std::size_t i = 0; i < by_mask.size(); ++i) wrong += known[i % context] && by_mask[i] != whole[i];
    CHECK(wrong == 0);
}

TEST_CASE("complete: a sequence depends neither on the batch nor on threads nor on the rows in memory") {
    auto tokens = values(support::sequences<config>(70, 6));
    std::vector<Label> labels(70);
    for (std::size_t n = 0; n < 70; ++n) {
        labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
        const std::size_t known = n % (context + 1);  // another number of known tokens for each
        std::fill(&tokens[n * context] + known, &tokens[n * context] + context, no_token);
    }
    const auto all = completed(tokens, {.labels = labels, .guidance = 2});
    for (const std::size_t max_rows : {0u, 2u, 10u, 64u})
        CHECK(support::same_for_threads([&] {
            const auto some = completed(tokens, {.labels = labels, .guidance = 2, .max_rows = max_rows});
            CHECK(some == all);
            return some;
        }));
    const std::vector<Token> few(tokens.begin(), tokens.begin() + 3 * context);
    CHECK(support::equal_values(std::span{all}.first(3 * context),
                                completed(few, {.labels = std::span{labels}.first(3), .guidance = 2})));
}

TEST_CASE("complete: many known rows go through the cache in several steps") {
    const auto whole = values(support::sequences<config>(32, 5));  // 32 x 18 rows, 512 at a time
    std::vector<SequenceOptions> each(64);
    std::vector<Label> labels(64, Label{1});
    std::vector<Token> twice(whole);
    twice.insert(twice.end(), whole.begin(), whole.end());
    for (std::size_t n = 0; n < 64; ++n) each[n] = {.guidance = 1.5f, .seed = n % 32};
    Rng rng{1};
    const auto got = values(
        complete(model(), Sequences{twice.data(), 64}, 18, {.labels = labels, .each = each, .max_rows = 64}, rng));
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < 32; ++n) {
        const std::vector<SequenceOptions> alone{each[n]};
        const std::vector<Label> label{Label{1}};
        Rng any{n};
        const auto one =
            values(complete(model(), Sequences{&whole[n * context], 1}, 18, {.labels = label, .each = alone}, any));
        for (const std::size_t m : {n, n + 32}) wrong += !std::equal(one.begin(), one.end(), &got[m * context]);
    }
    CHECK(wrong == 0);
}

TEST_CASE("complete: the callback gets what is drawn, not what is known") {
    const auto whole = values(support::sequences<config>(3, 5));
    std::vector<std::size_t> positions;
    Rng rng{3};
    const auto got = complete(model(), Sequences{whole.data(), 3}, 16, {}, rng, [&](const DrawnToken& t) {
        positions.push_back(t.sequence * 100 + t.position);
        return t.sequence != 1;
    });
    CHECK(positions == std::vector<std::size_t>{16, 116, 216, 17, 217, 18, 218});
    CHECK(got[1][16] < vocab);
    CHECK(got[1][17] == no_token);
}

TEST_CASE("complete: unusable input is refused, and the generator is unchanged") {
    auto tokens = values(support::sequences<config>(2, 5));
    tokens[context + 4] = 37;
    const Sequences bad{tokens.data(), 2};
    Rng rng{1};
    CHECK(support::message<DataError>([&] { std::ignore = complete(model(), bad, {}, rng); }) ==
          "complete: sequence 1, token 4: expected less than 37, got 37");
    CHECK(support::message<ArgumentError>([&] { std::ignore = complete(model(), bad, 20, {}, rng); }) ==
          "complete: known: expected at most 19, got 20");
    const std::array<bool, 3> three{};
    CHECK(support::message<ArgumentError>([&] { std::ignore = complete(model(), bad, three, {}, rng); }) ==
          "complete: known: expected 19, got 3");
    CHECK(support::message<ArgumentError>([&] { std::ignore = complete(model(), bad, 3, {.top_p = 2}, rng); }) ==
          "complete: top_p: expected a number in (0, 1], got 2.000000");
    tokens[context + 1] = no_token;
    for (const std::size_t known : {2, 19})
        CHECK(support::message<DataError>([&] { std::ignore = complete(model(), bad, known, {}, rng); }) ==
              "complete: sequence 1, token 1: expected a token, as it is known, got no_token");
    std::array<bool, context> mask{};
    mask[1] = true;
    CHECK(support::message<DataError>([&] { std::ignore = complete(model(), bad, mask, {}, rng); }) ==
          "complete: sequence 1, token 1: expected a token, as it is known, got no_token");
    CHECK(rng.position() == 0);
    tokens[context + 1] = 3;
    CHECK(complete(model(), bad, 4, {}, rng).size() == 2);  // the invalid token is not known
    Rng fresh{1};
    std::ignore = fresh.fork();
    CHECK(rng.position() == fresh.position());
}

}  // namespace complete_test
