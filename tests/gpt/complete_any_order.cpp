#include <tessera/gpt/complete_any_order.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/draw_token.hpp>
#include <tessera/gpt/sample_any_order.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

using namespace tessera;

namespace complete_any_order_test {

namespace {

constexpr GptConfig completion_config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
using CompletionModel = AnyOrderGpt<completion_config>;
constexpr GptConfig grouped_completion_config{
    .vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3, .kv_heads = 1};
using RotaryCompletion = AnyOrderGpt<support::with_llama_block(grouped_completion_config)>;
constexpr std::size_t completion_context = completion_config.context, completion_vocab = completion_config.vocab;
using CompletionView = View<const Token, Shape<completion_context>>;

template <class M = CompletionModel>
const M& completion_model() {
    static const M m = support::moved_model<M>({}, 0.3f);
    return m;
}
std::vector<Token> completion_values(const data::Tokens<completion_context>& tokens) {
    return {tokens.view().span().begin(), tokens.view().span().end()};
}
template <class M = CompletionModel>
std::vector<Token> completed_any_order(const std::vector<Token>& tokens, const AnyOrderOptions& options,
                                       std::uint64_t seed = 3) {
    Rng rng{seed};
    return completion_values(complete(completion_model<M>(),
                                      CompletionView{tokens.data(), tokens.size() / completion_context}, options, rng));
}
// Half of the tokens of each sequence are unknown, another number and other positions in each.
std::vector<Token> holes(std::size_t count) {
    auto tokens = completion_values(support::sequences<completion_config>(count, 6));
    Rng rng{9};
    for (Token& t : tokens) t = rng.uniform() < 0.5f ? no_token : t;
    return tokens;
}
// One sequence, from logits of whole sequences: the same draws without a cache, one token a pass.
template <class M>
std::vector<Token> completed_any_order_without_cache(std::vector<Token> tokens, std::size_t n, TokenOrder kind) {
    Rng rng{3};
    Rng stream = rng.fork().split(n);
    std::vector<std::uint32_t> known, unknown;
    for (std::uint32_t i = 0; i < completion_context; ++i) (tokens[i] == no_token ? unknown : known).push_back(i);
    if (kind == TokenOrder::random) {
        detail::shuffle_positions(known, stream.split(0));
        detail::shuffle_positions(unknown, stream.split(1));
    }
    auto order = known;
    order.insert(order.end(), unknown.begin(), unknown.end());
    std::vector<Token> scratch(completion_vocab);
    for (std::size_t k = known.size(); k < completion_context; ++k) {
        auto so_far = tokens;
        std::ranges::replace(so_far, no_token, 0u);
        auto logits = completion_model<M>().logits({so_far.data(), 1}, {order.data(), 1});
        tokens[order[k]] = draw_token<float>(logits.span().subspan(k * completion_vocab, completion_vocab),
                                             {.top_p = 0.9}, scratch, stream);
    }
    return tokens;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "complete, any order: known tokens are kept and read first, and the others are drawn after them, bit for bit", M,
    CompletionModel, RotaryCompletion) {
    const auto tokens = holes(30);
    for (const TokenOrder order : {TokenOrder::raster, TokenOrder::random}) {
        const auto got = completed_any_order<M>(tokens, {.sample = {.top_p = 0.9}, .order = order});
        std::size_t wrong = 0;
        for (std::size_t n = 0; n < 30; ++n) {
            const std::vector<Token> part(&tokens[n * completion_context],
                                          &tokens[n * completion_context] + completion_context);
            const auto expected = completed_any_order_without_cache<M>(part, n, order);
            wrong += !std::equal(expected.begin(), expected.end(), &got[n * completion_context]);
        }
        CHECK(wrong == 0);
        for (std::size_t i = 0; i < tokens.size(); ++i) wrong += tokens[i] != no_token && tokens[i] != got[i];
        CHECK(wrong == 0);
    }
}

TEST_CASE("complete, any order: with nothing known it is sample_any_order, and with all known nothing is drawn") {
    const std::vector<Token> none(12 * completion_context, no_token);
    Rng rng{8};
    CHECK(completed_any_order(none, {.passes = 4}, 8) ==
          completion_values(sample_any_order(completion_model(), 12, {.passes = 4}, rng)));
    const auto all = completion_values(support::sequences<completion_config>(5, 1));
    CHECK(completed_any_order(all, {}) == all);
    CHECK(completed_any_order({}, {}).empty());
}

TEST_CASE("complete, any order: a token depends on known tokens after it, too") {
    const auto whole = completion_values(support::sequences<completion_config>(20, 7));
    auto first = whole, second = whole;
    for (std::size_t i = 0; i < whole.size(); ++i)
        if (i % completion_context < 5) first[i] = second[i] = no_token;
    for (std::size_t n = 0; n < 20; ++n)
        second[n * completion_context + 18] = (whole[n * completion_context + 18] + 1) % 37;
    const auto a = completed_any_order(first, {}), b = completed_any_order(second, {});
    std::size_t differ = 0;
    for (std::size_t n = 0; n < 20; ++n)
        differ += !std::equal(&a[n * completion_context], &a[n * completion_context] + 5, &b[n * completion_context]);
    CHECK(differ > 0);
}

TEST_CASE_TEMPLATE("complete, any order: a trained prior finds the rest of a sequence from any five of its tokens, one "
                   "token or many a pass",
                   M, CompletionModel, RotaryCompletion) {
    Rng rng{1};
    M prior{rng, {.label_dropout = 1}};
    Trainer trainer{prior, AdamW{prior, {.lr = 3e-3f}}};
    const auto x = support::sequences<completion_config>(4, 2);
    for (int i = 0; i < 800; ++i) trainer.step(support::batch_of<M>(x));
    // sequence n, of which five tokens are known, other ones each time
    const std::size_t trials = 40;
    std::vector<Token> whole, part;
    for (std::size_t i = 0; i < trials; ++i) {
        whole.insert(whole.end(), x[i % 4].begin(), x[i % 4].end());
        std::vector<std::uint32_t> order(completion_context);
        detail::fill_order(TokenOrder::random, order, Rng{i});
        part.resize(whole.size(), no_token);
        for (std::size_t k = 0; k < 5; ++k) part[i * completion_context + order[k]] = x[i % 4][order[k]];
    }
    for (const std::size_t passes : {0u, 4u, 1u}) {
        Rng draw{3};
        const AnyOrderOptions options{.sample = {.temperature = 0}, .passes = passes};
        const auto got = completion_values(complete(prior, CompletionView{part.data(), trials}, options, draw));
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < whole.size(); ++i) wrong += got[i] != whole[i];
        INFO(passes << " passes, of " << whole.size() << " tokens");
        CHECK(wrong <= (passes == 1 ? whole.size() / 100 : 0));  // in one pass 14 tokens from five alone
    }
}

TEST_CASE("complete, any order: a mask keeps the same positions of each sequence") {
    std::array<bool, completion_context> known{};
    for (std::size_t i = 0; i < completion_context; ++i) known[i] = i % 3 == 1;
    const auto whole = completion_values(support::sequences<completion_config>(5, 7));
    auto masked = whole;
    for (std::size_t i = 0; i < masked.size(); ++i)
        if (!known[i % completion_context]) masked[i] = no_token;
    Rng rng{3};
    CHECK(completion_values(complete(completion_model(), CompletionView{whole.data(), 5}, known, {.passes = 3}, rng)) ==
          completed_any_order(masked, {.passes = 3}));
}

TEST_CASE_TEMPLATE(
    "complete, any order: a sequence depends neither on the batch nor on threads nor on the rows in memory", M,
    CompletionModel, RotaryCompletion) {
    const auto tokens = holes(70);
    std::vector<Label> labels(70);
    for (std::size_t n = 0; n < 70; ++n) labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
    const AnyOrderOptions options{.sample = {.labels = labels, .guidance = 2}, .passes = 4};
    const auto all = completed_any_order<M>(tokens, options);
    for (const std::size_t max_rows : {0u, 2u, 10u, 64u})
        CHECK(support::same_for_threads([&] {
            auto o = options;
            o.sample.max_rows = max_rows;
            const auto some = completed_any_order<M>(tokens, o);
            CHECK(some == all);
            return some;
        }));
    auto few = options;
    few.sample.labels = std::span{labels}.first(3);
    CHECK(
        support::equal_values(std::span{all}.first(3 * completion_context),
                              completed_any_order<M>({tokens.begin(), tokens.begin() + 3 * completion_context}, few)));
}

TEST_CASE("complete, any order: many known rows go through the cache in several passes") {
    auto tokens =
        completion_values(support::sequences<completion_config>(64, 5));  // 32 rows of 18 known tokens, 512 at a time
    std::vector<SequenceOptions> each(64);
    std::copy_n(tokens.begin(), 32 * completion_context, tokens.begin() + 32 * completion_context);
    for (std::size_t n = 0; n < 64; ++n) {
        tokens[n * completion_context + n % 32 % completion_context] = no_token;
        each[n].seed = n % 32;
    }
    const auto got = completed_any_order(tokens, {.sample = {.each = each, .max_rows = 64}});
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < 32; ++n) {
        const std::vector<Token> one(&tokens[n * completion_context],
                                     &tokens[n * completion_context] + completion_context);
        const std::vector<SequenceOptions> alone{each[n]};
        const auto expected = completed_any_order(one, {.sample = {.each = alone}});
        for (const std::size_t m : {n, n + 32})
            wrong += !std::ranges::equal(expected, std::span{got}.subspan(m * completion_context, completion_context));
    }
    CHECK(wrong == 0);
}

TEST_CASE("complete, any order: a known token that is not in the vocabulary, or a mask of another length, is refused") {
    auto tokens = completion_values(support::sequences<completion_config>(2, 1));
    Rng rng{1};
    const std::array<bool, 3> mask{};
    CHECK(support::message<ArgumentError>([&] {
              std::ignore = complete(completion_model(), CompletionView{tokens.data(), 2}, mask, {}, rng);
          }) == "complete: known: expected 19, got 3");
    std::array<bool, completion_context> known{};
    known[4] = known[5] = true;
    tokens[completion_context + 3] = tokens[completion_context + 5] = no_token;
    CHECK(support::message<DataError>([&] {
              std::ignore = complete(completion_model(), CompletionView{tokens.data(), 2}, known, {}, rng);
          }) == "complete: sequence 1, token 5: expected a token, as it is known, got no_token");
    tokens[20] = 37;
    CHECK(support::message<DataError>([&] { completed_any_order(tokens, {}); }) ==
          "complete: sequence 1, token 1: expected less than 37, got 37");
    CHECK(support::message<ArgumentError>([&] { completed_any_order(tokens, {.sample = {.top_p = 0}}); }) ==
          "complete: top_p: expected a number in (0, 1], got 0.000000");
    CHECK(rng.position() == 0);
}

}  // namespace complete_any_order_test
