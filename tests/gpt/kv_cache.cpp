#include <tessera/gpt/kv_cache.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <span>
#include <thread>
#include <vector>

using namespace tessera;

namespace {

// More tokens than a strip of attention has rows, more channels than a panel, and a rest of both.
constexpr GptConfig config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
constexpr GptConfig wide{.vocab = 37, .context = 19, .width = 64, .heads = 4, .layers = 2, .classes = 3};  // GrownLanes
constexpr GptConfig thinned{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3,
                             .dropout_percent = 10};

// Largest difference between the logits of whole sequences and those of one token after another.
template <GptConfig C>
double difference(std::size_t count) {
    using Model = Gpt<C>;
    const auto model = support::moved_model<Model>();
    const auto x = support::sequences<C>(count, 2);
    const auto whole = model.logits(x.view(), x.labels());
    const auto packed = model.freeze();
    KvCache<Model> cache{count};
    std::vector<Token> next(count);
    for (std::size_t n = 0; n < count; ++n) next[n] = C.label_token(x.label(n));
    double worst = 0;
    for (std::size_t t = 0; t < C.context; ++t) {
        const std::span<float> logits = cache.step(packed, next);
        for (std::size_t n = 0; n < count; ++n) {
            for (std::size_t v = 0; v < C.vocab; ++v)
                worst = std::max(worst, static_cast<double>(std::abs(logits[n * C.vocab + v] - whole[n][t * C.vocab + v])));
            next[n] = x[n][t];
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("KvCache: token by token gives the bits of the whole sequence") {
    CHECK(difference<config>(1) == 0);
    CHECK(difference<config>(5) == 0);
    CHECK(difference<config>(32) == 0);
    CHECK(difference<thinned>(5) == 0);
    CHECK(difference<wide>(3) == 0);
    CHECK(difference<wide>(5) == 0);
    CHECK(difference<wide>(32) == 0);
}

TEST_CASE("KvCache: restart forgets, and no step allocates") {
    using Model = Gpt<config>;
    const auto packed = support::moved_model<Model>().freeze();
    KvCache<Model> cache{2};
    const std::vector<Token> first{3, 4}, other{5, 6};
    const auto run = [&] {
        cache.step(packed, first);
        const auto logits = cache.step(packed, other);
        return std::vector<float>(logits.begin(), logits.end());
    };
    const auto once = run();
    CHECK(cache.position() == 2);
    cache.step(packed, first);
    cache.restart();
    CHECK(cache.position() == 0);
    CHECK(run() == once);
    const std::size_t before = support::allocations();
    for (int i = 0; i < 5; ++i) cache.step(packed, first);
    CHECK(support::allocations() == before);
}

TEST_CASE("KvCache: too many steps, too few tokens and a token without embedding are refused") {
    using Model = Gpt<config>;
    const auto packed = support::moved_model<Model>().freeze();
    KvCache<Model> cache{2};
    const auto message = [&]<class E>(std::vector<Token> tokens) {
        return support::message<E>([&] { cache.step(packed, tokens); });
    };
    CHECK(message.operator()<ArgumentError>({1}) == "KvCache: tokens: expected 2, got 1");
    CHECK(message.operator()<DataError>({40, 41}) == "KvCache: token of sequence 1: expected less than 41, got 41");
    CHECK(cache.position() == 0);
    const std::vector<Token> tokens{1, 2};
    for (std::size_t i = 0; i < config.context; ++i) cache.step(packed, tokens);
    CHECK(message.operator()<ArgumentError>(tokens) == "KvCache: position: expected less than 19, got 19");
}

TEST_CASE("KvCache: a team that is larger than the cache was made for, and a cache for nobody, are refused") {
    using Model = Gpt<config>;
    CHECK(support::message<ArgumentError>([] { KvCache<Model>{4, 0}; }) == "KvCache: members: expected at least 1, got 0");
    const auto packed = support::moved_model<Model>().freeze();
    KvCache<Model> cache{1};
    const std::vector<Token> next{config.label_token(Label{0})};
    const auto run = [&] {
        kernel::run_team(2, 2000, [&](kernel::Member& me, std::size_t) {
            if (me.size() > 1) cache.step(packed, next, me);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
    };
    CHECK(support::with_threads(2, [&] { return support::message<ArgumentError>(run); }) ==
          "KvCache: members: expected at most 1, got 2");
    CHECK(cache.position() == 0);
}

TEST_CASE("KvCache: a host that rounds upwards gets the same bits") {
    const int before = std::fegetround();
    std::fesetround(FE_UPWARD);
    const double upwards = difference<config>(2);
    std::fesetround(before);
    CHECK(upwards == 0);
}
