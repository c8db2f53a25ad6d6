#include <tessera/gpt/sample_any_order.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/draw_token.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

using namespace tessera;

namespace sample_any_order_test {

namespace {

// More tokens than a strip of attention has rows, and a remainder.
constexpr GptConfig any_config{.vocab = 37, .context = 19, .width = 64, .heads = 4, .layers = 2, .classes = 3};
constexpr GptConfig any_grid_config{.vocab = 37, .context = 20, .width = 64, .heads = 4, .layers = 2, .classes = 3};
constexpr GptConfig any_grouped_config{
    .vocab = 37, .context = 19, .width = 64, .heads = 4, .layers = 2, .classes = 3, .kv_heads = 2};
constexpr GptConfig any_wide{.vocab = 31, .context = 150, .width = 8, .heads = 2, .layers = 1};
using AnyModel = AnyOrderGpt<any_config>;
using AnyRotary = AnyOrderGpt<support::with_llama_block(any_grouped_config)>;
using AnyGrid = AnyOrderGpt<support::with_llama_block(any_grid_config, 5)>;
constexpr std::size_t any_context = any_config.context, any_vocab = any_config.vocab;

template <class M = AnyModel>
const M& any_model() {
    static const M m = support::moved_model<M>({}, 0.3f);
    return m;
}
template <class M = AnyModel>
const typename M::Frozen& any_frozen() {
    static const typename M::Frozen f = any_model<M>().freeze();
    return f;
}
template <std::size_t Context>
std::vector<Token> any_values(const data::Tokens<Context>& tokens) {
    return {tokens.view().span().begin(), tokens.view().span().end()};
}
template <class M = AnyModel>
std::vector<Token> any_sampled(std::size_t count, const AnyOrderOptions& options, std::uint64_t seed = 3) {
    Rng rng{seed};
    return any_values(sample_any_order(any_frozen<M>(), count, options, rng));
}
std::vector<Label> any_labels(std::size_t count) {
    std::vector<Label> labels(count);
    for (std::size_t n = 0; n < count; ++n) labels[n] = Label{static_cast<std::uint32_t>(n % 3)};
    return labels;
}
// Sequence n from logits of whole sequences: the same draws without a cache.
template <class M>
std::vector<Token> sampled_without_cache(std::size_t n, const AnyOrderOptions& o,
                                         const std::vector<std::size_t>& passes, std::uint64_t seed) {
    Rng rng{seed};
    Rng stream = rng.fork().split(n);
    std::vector<std::uint32_t> order(any_context);
    std::iota(order.begin(), order.end(), 0u);
    Rng shuffle = stream.split(1);
    if (o.order == TokenOrder::random)
        for (std::uint32_t i = any_context; i > 1; --i) std::swap(order[i - 1], order[shuffle.below(i)]);
    std::vector<Token> tokens(any_context), scratch(any_vocab);
    const std::vector<Label> label{o.sample.labels[n]};
    std::size_t k = 0;
    for (const std::size_t of_pass : passes) {
        const std::size_t first = k;
        std::vector<Token> drawn;
        for (; k < first + of_pass; ++k) {
            // the query for the k-th position right after the first tokens
            auto queried = order;
            std::swap(queried[first], queried[k]);
            const View<const Token, Shape<any_context>> x{tokens.data(), 1};
            auto cond = any_frozen<M>().logits(x, {queried.data(), 1}, label);
            const auto uncond = any_frozen<M>().logits(x, {queried.data(), 1});
            const auto row = cond.span().subspan(first * any_vocab, any_vocab);
            const float w = o.sample.guidance.at(k, any_context);
            if (w < 1 || w > 1) detail::guide<float>(uncond.span().subspan(first * any_vocab, any_vocab), row, w);
            drawn.push_back(draw_token<float>(row, o.sample.draw(), scratch, stream));
        }
        for (std::size_t i = 0; i < of_pass; ++i) tokens[order[first + i]] = drawn[i];
    }
    return tokens;
}

}  // namespace

TEST_CASE_TEMPLATE("AnyOrderCache: token by token, or many queries at once, the logits of whole sequences, bit for bit",
                   M, AnyModel, AnyRotary, AnyGrid) {
    constexpr std::size_t context = M::context;
    const auto x = support::sequences<M::config>(6, 5);
    std::vector<std::uint32_t> orders;
    for (std::size_t n = 0; n < 6; ++n) {
        std::vector<std::uint32_t> one(context);
        std::iota(one.begin(), one.end(), 0u);
        if (n > 0) detail::shuffle_positions(one, Rng{n});
        orders.insert(orders.end(), one.begin(), one.end());
    }
    const auto whole = any_frozen<M>().logits(x.view(), {orders.data(), 6}, x.labels());
    using Input = detail::AnyOrderInput<M::config>;
    const auto content = [&](std::size_t n, std::size_t k) {
        const std::uint32_t at = orders[n * context + (k > 0 ? k - 1 : 0)];
        return k == 0 ? Input::label(M::config.label_token(x.label(n))) : Input::content(x[n][at], at);
    };
    // 1, 2 and 6 sequences in a cache; 6 have enough heads for the interleaved one
    for (const std::size_t together : {1u, 2u, 6u}) {
        for (const std::size_t most : {1u, 4u}) {
            detail::AnyOrderCache<typename M::Frozen> cache{{.sequences = together, .tokens = 2 * most}};
            kernel::Worker alone;
            std::size_t wrong = 0;
            for (std::size_t k = 0; k < context; k += most) {
                const std::size_t count = std::min(most, context - k);
                std::vector<Token> rows;
                std::vector<std::uint32_t> places;
                std::vector<std::size_t> positions;
                const auto add = [&](typename Input::Row row) {
                    rows.push_back(row.token);
                    places.push_back(row.place);
                };
                for (std::size_t n = 0; n < together; ++n) {
                    for (std::size_t c = k; c < k + count; ++c) add(content(n, c));
                    for (std::size_t q = k; q < k + count; ++q) add(Input::query(orders[n * context + q]));
                }
                for (std::size_t c = k; c < k + count; ++c) positions.push_back(c);
                for (std::size_t q = k; q < k + count; ++q) positions.push_back(context + q);
                const auto logits = cache.step(any_frozen<M>(), rows, places, positions, alone);
                for (std::size_t n = 0; n < together; ++n)
                    for (std::size_t q = 0; q < count; ++q)
                        wrong +=
                            !std::ranges::equal(logits.subspan(((2 * n + 1) * count + q) * any_vocab, any_vocab),
                                                whole.span().subspan((n * context + k + q) * any_vocab, any_vocab));
            }
            INFO(together << " sequences, " << most << " at a time");
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE_TEMPLATE("sample_any_order: tokens are those drawn from logits of whole sequences, without a cache", M,
                   AnyModel, AnyRotary) {
    const auto labels = any_labels(20);
    const std::vector<std::size_t> ones(any_context, 1), five{1, 3, 3, 6, 6};  // of 19 in 5: 0.76, 3.04, 6.84, 12.16
    for (const TokenOrder order : {TokenOrder::raster, TokenOrder::random})
        for (const std::size_t passes : {0u, 5u})
            for (const float guidance : {1.f, 2.f})
                for (const std::size_t count : {2u, 20u}) {
                    const std::vector<Label> some(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(count));
                    const AnyOrderOptions o{.sample = {.temperature = 0.8f,
                                                       .top_p = 0.95,
                                                       .labels = some,
                                                       .guidance = Guidance::linear({.from = 1, .to = guidance})},
                                            .order = order,
                                            .passes = passes};
                    const auto got = any_sampled<M>(count, o);
                    for (const std::size_t n : {std::size_t{0}, count - 1}) {
                        const std::vector<Token> one(&got[n * any_context], &got[n * any_context] + any_context);
                        INFO("sequence " << n << " of " << count << ", passes " << passes << ", guidance " << guidance);
                        CHECK(one == sampled_without_cache<M>(n, o, passes == 0 ? ones : five, 3));
                    }
                }
}

TEST_CASE_TEMPLATE("sample_any_order: neither the batch, nor threads, nor the rows in memory change a sequence", M,
                   AnyModel, AnyRotary) {
    const auto labels = any_labels(70);
    for (const std::size_t passes : {0u, 6u}) {
        const AnyOrderOptions all_of_them{.sample = {.labels = labels, .guidance = 2}, .passes = passes};
        const auto all = any_sampled<M>(70, all_of_them);
        for (const std::size_t max_rows : {0u, 2u, 10u, 64u})
            CHECK(support::same_for_threads([&] {
                auto o = all_of_them;
                o.sample.max_rows = max_rows;
                const auto some = any_sampled<M>(70, o);
                CHECK(some == all);
                return some;
            }));
        for (const std::size_t count : {1u, 5u, 33u}) {
            auto o = all_of_them;
            o.sample.labels = std::span{labels}.first(count);
            CHECK(support::equal_values(std::span{all}.first(count * any_context), any_sampled<M>(count, o)));
        }
    }
}

TEST_CASE_TEMPLATE("sample_any_order: a pass with many queries is computed in pieces, which change no token", M,
                   AnyOrderGpt<any_wide>, AnyOrderGpt<support::with_llama_block(any_wide, 10)>) {
    const auto frozen = support::moved_model<M>({}, 0.3f).freeze();
    std::vector<SequenceOptions> each(32);
    for (std::size_t n = 0; n < each.size(); ++n) each[n].seed = n;
    // 32 sequences of 151 rows, 2048 rows at a time; one sequence at once
    for (const std::size_t passes : {1u, 2u, 3u})
        support::with_threads(1, [&] {
            Rng rng{1};
            const auto all = sample_any_order(frozen, 32, {.sample = {.each = each}, .passes = passes}, rng);
            support::Mismatch wrong;
            for (std::size_t n = 0; n < each.size(); ++n) {
                const std::vector<SequenceOptions> one{each[n]};
                const auto alone = sample_any_order(frozen, 1, {.sample = {.each = one}, .passes = passes}, rng);
                wrong.compare(all[n], alone[0], "sequence ", n, " of ", passes, " passes");
            }
            CHECK(wrong.first() == "");
        });
}

TEST_CASE("sample_any_order: a sequence with a seed is the same at any index, and settings differ by sequence") {
    std::vector<SequenceOptions> each(4);
    each[1] = {.draw = {.temperature = 0.5f}, .seed = 9};
    each[3] = {.draw = {.temperature = 0.5f}, .seed = 9};
    const auto got = any_sampled(4, {.sample = {.each = each}});
    const std::span all{got};
    CHECK(support::equal_values(all.subspan(any_context, any_context), all.subspan(3 * any_context, any_context)));
    CHECK(!std::ranges::equal(all.first(any_context), all.subspan(2 * any_context, any_context)));
}

TEST_CASE("sample_any_order: the generator advances by a call, and two calls differ") {
    Rng rng{1};
    const auto first = any_values(sample_any_order(any_model(), 3, {}, rng));
    const auto second = any_values(sample_any_order(any_model(), 3, {}, rng));
    CHECK(first != second);
    CHECK(first == any_sampled(3, {}, 1));
    CHECK(any_sampled(0, {}).empty());
}

TEST_CASE("sample_any_order: passes draw few tokens at first, at least one each, and all at last") {
    const auto of = [](std::size_t n, std::size_t passes) {
        std::vector<std::size_t> all;
        for (std::size_t r = 1, before = 0; r <= passes; ++r) {
            all.push_back(detail::drawn_after(n, passes, r) - before);
            before += all.back();
        }
        return all;
    };
    CHECK(of(49, 10) == std::vector<std::size_t>{1, 1, 3, 3, 5, 5, 7, 7, 8, 9});
    CHECK(of(49, 1) == std::vector<std::size_t>{49});
    CHECK(of(5, 5) == std::vector<std::size_t>{1, 1, 1, 1, 1});
    for (const std::size_t n : {1u, 2u, 7u, 64u, 784u})
        for (std::size_t passes = 1; passes <= n; ++passes) {
            const auto all = of(n, passes);
            CHECK(*std::ranges::min_element(all) >= 1);
            CHECK(std::accumulate(all.begin(), all.end(), std::size_t{0}) == n);
        }
}

TEST_CASE("sample_any_order: what it cannot draw is refused") {
    const auto labels = any_labels(2);
    const auto refused = [&](std::size_t count, const SampleOptions& sample) {
        return support::message<ArgumentError>([&] { any_sampled(count, {.sample = sample}); });
    };
    CHECK(refused(3, {.labels = labels}) == "sample_any_order: labels: expected 3 (one per sequence) or none, got 2");
    CHECK(refused(1, {.temperature = -1}) ==
          "sample_any_order: temperature: expected a finite number >= 0, got -1.000000");
    CHECK(refused(2, {.guidance = 2}) == "sample_any_order: guidance: expected labels, one per sequence, got none");
    const auto no_null = support::moved_model<AnyModel>({.label_dropout = 0});
    Rng rng{1};
    CHECK(support::message<ArgumentError>([&] {
              std::ignore = sample_any_order(no_null, 2, {.sample = {.labels = labels, .guidance = 2}}, rng);
          }) == "sample_any_order: guidance: expected a prior that learned the null class, with label_dropout above 0, "
                "got one with label_dropout 0");
    CHECK(rng.position() == 0);
    auto broken = support::moved_model<AnyModel>();
    AnyModel::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(std::numeric_limits<float>::quiet_NaN()); },
                           broken.params());
    CHECK(support::message<NumericError>([&] { std::ignore = sample_any_order(broken, 2, {}, rng); }) ==
          "draw_token: logits: expected finite numbers, got NaN or infinity");
    CHECK(rng.position() == 0);
}

}  // namespace sample_any_order_test
