#include <tessera/gpt/kv_cache.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>
#include <support/user_block.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/testing/detail/full_team.hpp>

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace tessera;

namespace {

// More tokens than a strip of attention has rows, more channels than a panel, and a remainder of both.
constexpr GptConfig config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
constexpr GptConfig wide{
    .vocab = 37, .context = 19, .width = 64, .heads = 4, .layers = 2, .classes = 3};  // KvCacheInterleaved
constexpr GptConfig thinned{
    .vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3, .dropout_percent = 10};

// A norm at the end of a branch, a separate Gelu and Silu, an attention that is not first: each way to share y.
template <std::size_t Width>
using Zoo = nn::Seq<nn::Silu, nn::Residual<nn::LayerNorm, user::Mixer<3>, nn::Dropout<nn::Probability{.percent = 10}>>,
                    nn::Residual<nn::CausalAttention<4>, nn::Seq<nn::LayerNorm>>,
                    nn::Residual<nn::LayerNorm, nn::Linear<2 * Width>, nn::Seq<nn::Gelu>, nn::Linear<Width>, nn::Silu>,
                    nn::Repeat<2, nn::Linear<Width>, nn::LayerNorm>>;

/// The logits of whole sequences against those of `most` tokens at a time by `workers` threads; "" or the first that
/// differs. `rewinds`: every other step rewinds its last token.
template <class Model>
std::string difference(std::size_t count, std::size_t most = 1, std::size_t workers = 1, bool rewinds = false) {
    constexpr GptConfig C = Model::config;
    const auto model = support::moved_model<Model>();
    const auto x = support::sequences<C>(count, 2);
    const auto whole = model.logits(x.view(), x.labels());
    const auto frozen = model.freeze();
    KvCache<Model> cache{{.sequences = count, .tokens = most, .workers = workers}};
    std::vector<Token> next(count * most);
    std::string found;
    std::size_t position = 0, tokens = 0;
    // one step a round; with rewinds at most two for each token
    testing::detail::run_full_team(workers, 2 * C.context, [&](kernel::Worker& me, std::size_t round) {
        const bool over = position == C.context;
        me.wait();
        if (over) return;
        if (me.id() == 0) {
            tokens = std::min(most, C.context - position);
            for (std::size_t n = 0; n < count; ++n)
                for (std::size_t t = 0; t < tokens; ++t)
                    next[n * tokens + t] = position + t == 0 ? C.label_token(x.label(n)) : x[n][position + t - 1];
        }
        me.wait();
        const auto logits = cache.step(frozen, std::span<const Token>{next}.first(count * tokens), me);
        if (me.id() != 0) return;
        for (std::size_t i = 0; i < logits.size() && found.empty(); ++i) {
            const std::size_t row = i / C.vocab, n = row / tokens, t = position + row % tokens;
            if (const auto expected = whole[n][t * C.vocab + i % C.vocab]; logits[i] != expected)
                found = "sequence " + std::to_string(n) + ", token " + std::to_string(t) + ", logit " +
                        std::to_string(i % C.vocab) + ": " +
                        expected_got(std::to_string(expected), std::to_string(logits[i]));
        }
        position += tokens;
        if (rewinds && tokens > 1 && round % 2 == 0) {
            cache.rewind(1);
            --position;
        }
    });
    return position == C.context ? found : "not all tokens were fed";
}
template <class Model>
std::string any_difference() {
    for (const std::size_t count : {1u, 5u})
        for (const std::size_t most : {1u, 3u, static_cast<unsigned>(Model::context)})
            for (const std::size_t workers : {1u, 2u, 3u})
                if (const auto found = difference<Model>(count, most, workers, most == 3); !found.empty())
                    return std::to_string(count) + " sequences, " + std::to_string(most) + " tokens at a time, " +
                           std::to_string(workers) + " workers: " + found;
    return "";
}

}  // namespace

TEST_CASE("KvCache: token by token gives the bits of the whole sequence") {
    CHECK(difference<Gpt<config>>(1) == "");
    CHECK(difference<Gpt<config>>(5) == "");
    CHECK(difference<Gpt<config>>(32) == "");
    CHECK(difference<Gpt<thinned>>(5) == "");
    CHECK(difference<Gpt<wide>>(3) == "");
    CHECK(difference<Gpt<wide>>(5) == "");
    CHECK(difference<Gpt<wide>>(32) == "");
    CHECK(difference<Gpt<wide>>(32, 4) == "");
}

TEST_CASE("KvCache: some tokens at a time, by a team, with rewinds, give the bits of the whole sequence") {
    CHECK(any_difference<Gpt<config>>() == "");
    CHECK(any_difference<Gpt<wide>>() == "");
    CHECK(any_difference<Gpt<thinned>>() == "");
}

TEST_CASE("KvCache: a user's block gives the bits of the whole sequence, and can sample") {
    using Own = Gpt<wide, user::Block<wide.width>>;
    CHECK(any_difference<Own>() == "");
    CHECK(any_difference<Gpt<wide, Zoo<wide.width>>>() == "");
    const auto prior = support::moved_model<Own>();
    // logits far apart, so that the greedy choice is that of the whole sequence
    Rng rng{3};
    const auto drawn = sample(prior, 9, {.temperature = 1e-3f}, rng);
    const auto logits = prior.logits(drawn.view());
    std::size_t likeliest = 0;
    for (std::size_t n = 0; n < 9; ++n)
        for (std::size_t t = 0; t < wide.context; ++t) {
            const auto row = logits[n].subspan(t * wide.vocab, wide.vocab);
            likeliest += std::ranges::max_element(row) - row.begin() == static_cast<std::ptrdiff_t>(drawn[n][t]);
        }
    CHECK(likeliest >= 9 * wide.context - 2);
}

TEST_CASE("KvCache: rewind undoes at most the last step") {
    using Model = Gpt<config>;
    const auto frozen = support::moved_model<Model>().freeze();
    KvCache<Model> cache{{.sequences = 1, .tokens = 3}};
    const std::vector<Token> three{3, 4, 5}, one{6};
    std::ignore = cache.step(frozen, three);
    std::ignore = cache.step(frozen, three);
    const auto message = [&](std::size_t tokens) {
        return support::message<ArgumentError>([&] { cache.rewind(tokens); });
    };
    CHECK(message(4) == "KvCache: rewind: expected at most 3, got 4");
    CHECK(cache.position() == 6);
    cache.rewind(2);
    CHECK(cache.position() == 4);
    CHECK(message(2) == "KvCache: rewind: expected at most 1, got 2");
    std::ignore = cache.step(frozen, one);
    CHECK(cache.position() == 5);
    cache.restart();
    CHECK(message(1) == "KvCache: rewind: expected at most 0, got 1");
}

TEST_CASE("KvCache: restart begins new sequences, and no step allocates") {
    using Model = Gpt<config>;
    const auto frozen = support::moved_model<Model>().freeze();
    KvCache<Model> cache{2};
    const std::vector<Token> first{3, 4}, other{5, 6};
    const auto run = [&] {
        std::ignore = cache.step(frozen, first);
        const auto logits = cache.step(frozen, other);
        return std::vector<float>(logits.begin(), logits.end());
    };
    const auto once = run();
    CHECK(cache.position() == 2);
    std::ignore = cache.step(frozen, first);
    cache.restart();
    CHECK(cache.position() == 0);
    CHECK(run() == once);
    const std::size_t before = support::allocations();
    for (int i = 0; i < 5; ++i) std::ignore = cache.step(frozen, first);
    CHECK(support::allocations() == before);
}

TEST_CASE("KvCache: too many steps, too few tokens and a token without embedding are refused") {
    using Model = Gpt<config>;
    const auto frozen = support::moved_model<Model>().freeze();
    KvCache<Model> cache{2};
    const auto message = [&]<class E>(std::vector<Token> tokens) {
        return support::message<E>([&] { std::ignore = cache.step(frozen, tokens); });
    };
    CHECK(message.operator()<ArgumentError>({1}) == "KvCache: tokens: expected 2, got 1");
    CHECK(message.operator()<ArgumentError>({1, 2, 3, 4}) == "KvCache: tokens: expected 2, got 4");
    CHECK(message.operator()<ArgumentError>({}) == "KvCache: tokens: expected 2, got 0");
    CHECK(message.operator()<DataError>({40, 41}) == "KvCache: token of sequence 1: expected less than 41, got 41");
    CHECK(cache.position() == 0);
    const std::vector<Token> tokens{1, 2};
    for (std::size_t i = 0; i < config.context; ++i) std::ignore = cache.step(frozen, tokens);
    CHECK(message.operator()<ArgumentError>(tokens) == "KvCache: position: expected less than 19, got 19");
    KvCache<Model> some{{.sequences = 2, .tokens = 4}};
    const std::vector<Token> eight(8, 1), five(5, 1), ten(10, 1);
    const auto refused = [&](const std::vector<Token>& fed) {
        return support::message<ArgumentError>([&] { std::ignore = some.step(frozen, fed); });
    };
    CHECK(refused(five) == "KvCache: tokens: expected 2 x 1 to 4 tokens, got 5");
    CHECK(refused(ten) == "KvCache: tokens: expected 2 x 1 to 4 tokens, got 10");
    for (std::size_t i = 0; i < 4; ++i) std::ignore = some.step(frozen, eight);
    CHECK(refused(eight) == "KvCache: position: expected less than 19, got 19");
    CHECK(some.position() == 16);
}

TEST_CASE("KvCache: a team larger than the capacity, and an empty capacity, are refused") {
    using Model = Gpt<config>;
    const auto refused = [](const nn::Capacity& capacity) {
        return support::message<ArgumentError>([&] { KvCache<Model>{capacity}; });
    };
    CHECK(refused({.sequences = 4, .workers = 0}) == "KvCache: workers: expected at least 1, got 0");
    CHECK(refused({.sequences = 0}) == "KvCache: sequences: expected at least 1, got 0");
    CHECK(refused({.tokens = 0}) == "KvCache: tokens: expected at least 1, got 0");
    const auto frozen = support::moved_model<Model>().freeze();
    KvCache<Model> cache{1};
    const std::vector<Token> next{config.label_token(Label{0})};
    const auto run = [&] {
        kernel::run_team(2, 2000, [&](kernel::Worker& me, std::size_t) {
            if (me.size() > 1) std::ignore = cache.step(frozen, next, me);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
    };
    CHECK(support::with_threads(2, [&] { return support::message<ArgumentError>(run); }) ==
          "KvCache: workers: expected at most 1, got 2");
    CHECK(cache.position() == 0);
}

TEST_CASE("KvCache: a host with another rounding mode gets the same bits") {
    const int before = std::fegetround();
    std::fesetround(FE_UPWARD);
    const std::string upwards = difference<Gpt<config>>(2);
    std::fesetround(before);
    CHECK(upwards == "");
}
