#include <tessera/kernel/attention/kv_cache_interleaved.hpp>

#include <doctest/doctest.h>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/mismatch.hpp>

#include <tessera/core/buffer.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/kernel/attention/attention.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

using namespace tessera;

namespace {

constexpr std::size_t full = kernel::simd::width<float>;  // heads of a vector

// Where head i of token t is in rows of `row` numbers.
auto place(float* from, const kernel::AttentionSize& size, std::size_t t, std::size_t row) {
    return [=](std::size_t head) {
        return from + (head / size.heads * size.tokens + t) * row + head % size.heads * size.width;
    };
}

// Largest difference between o of whole sequences and o token by token.
double difference(const kernel::AttentionSize& size) {
    const std::size_t C = size.channels(), rows = size.batch * size.tokens, heads = size.batch * size.heads;
    Buffer<float> qkv(rows * 3 * C), whole(rows * C), o(rows * C), largest(rows * size.heads),
        inverse(rows * size.heads);
    Rng rng{3};
    kernel::AttentionScratch<float> room;
    kernel::KvCacheInterleaved cache{heads, size.tokens, size.width};
    Buffer<float> scratch(cache.scratch());
    double worst = 0;
    for (std::size_t run = 0; run < 2; ++run) {  // the second over what the first left
        for (float& v : qkv) v = rng.uniform(-2.f, 2.f);
        kernel::attention_forward<float>(size, qkv.data(), whole.data(), largest, inverse, room);
        std::fill(o.begin(), o.end(), 99.f);
        for (std::size_t t = 0; t < size.tokens; ++t)
            cache.step(t, C, place(qkv.data(), size, t, 3 * C), place(o.data(), size, t, C), scratch.data());
        for (std::size_t i = 0; i < o.size(); ++i) {
            if (std::isnan(o[i])) return 1e9;
            worst = support::larger(worst, static_cast<double>(std::abs(o[i] - whole[i])));
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("KvCacheInterleaved: token by token gives the bits of the whole sequence") {
    CHECK(difference({.batch = 4, .tokens = 35, .heads = full, .width = 2 * full}) == 0);
    CHECK(difference({.batch = full, .tokens = 6, .heads = 3, .width = full}) == 0);
    CHECK(difference({.batch = full + 1, .tokens = 9, .heads = 1, .width = 3 * full}) ==
          0);  // one head in the last vector
    CHECK(difference({.batch = 1, .tokens = 1, .heads = 2 * full - 1, .width = full}) == 0);
}

TEST_CASE("KvCacheInterleaved: supports heads that fill a vector and have a width of whole vectors") {
    using kernel::KvCacheInterleaved;
    CHECK(KvCacheInterleaved::supports(full, full));
    CHECK(KvCacheInterleaved::supports(full + 1, 2 * full));
    CHECK_FALSE(KvCacheInterleaved::supports(full - 1, full));
    if (full > 1) CHECK_FALSE(KvCacheInterleaved::supports(full, full + 1));
}

TEST_CASE("KvCacheInterleaved: a NaN score makes o of its head NaN, and of no other head") {
    constexpr std::size_t heads = full + 1, d = full;
    kernel::KvCacheInterleaved cache{heads, 2, d};
    Buffer<float> qkv(3 * heads * d, 0.5f), o(heads * d), scratch(cache.scratch());
    qkv[d] = std::nanf("");  // q of head 1
    for (std::size_t key = 0; key < 2; ++key)
        cache.step(
            key, heads * d, [&](std::size_t i) { return qkv.data() + i * d; },
            [&](std::size_t i) { return o.data() + i * d; }, scratch.data());
    support::Mismatch wrong;
    for (std::size_t i = 0; i < o.size(); ++i) wrong.compare(i / d == 1, std::isnan(o[i]), "NaN at ", i);
    CHECK(wrong.first() == "");
}

TEST_CASE("KvCacheInterleaved: no step allocates") {
    constexpr std::size_t heads = 2 * full, d = full;
    kernel::KvCacheInterleaved cache{heads, 4, d};
    Buffer<float> qkv(3 * heads * d, 0.5f), o(heads * d), scratch(cache.scratch());
    const std::size_t before = support::allocations();
    for (std::size_t key = 0; key < 4; ++key)
        cache.step(
            key, heads * d, [&](std::size_t i) { return qkv.data() + i * d; },
            [&](std::size_t i) { return o.data() + i * d; }, scratch.data());
    CHECK(support::allocations() == before);
}
