#include <tessera/kernel/attention/kv_cache_by_head.hpp>

#include <doctest/doctest.h>
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

// Largest difference between o of whole sequences and o token by token, with the heads in two calls.
template <class T>
double difference(const kernel::AttentionSize& size, std::size_t first_call) {
    const std::size_t C = size.channels(), rows = size.batch * size.tokens, heads = size.batch * size.heads;
    Buffer<T> qkv(rows * 3 * C), whole(rows * C), o(rows * C), largest(rows * size.heads), inverse(rows * size.heads);
    Rng rng{3};
    for (T& v : qkv) v = static_cast<T>(rng.uniform(-2.f, 2.f));
    kernel::AttentionScratch<T> room;
    kernel::attention_forward<T>(size, qkv.data(), whole.data(), largest, inverse, room);

    kernel::KvCacheByHead<T> cache{heads, size.tokens, size.width};
    Buffer<T> scratch(cache.scratch());
    for (int again = 0; again < 2; ++again) {  // what is left of an earlier sequence must not be seen
        for (T& v : o) v = T(99);
        for (std::size_t t = 0; t < size.tokens; ++t) {
            const auto call = [&](std::size_t first, std::size_t count) {
                const auto place = [&](T* from, std::size_t row) {
                    return [=, &size](std::size_t i) {
                        const std::size_t head = first + i;
                        return from + (head / size.heads * size.tokens + t) * row + head % size.heads * size.width;
                    };
                };
                cache.step(first, count, t, C, place(qkv.data(), 3 * C), place(o.data(), C), scratch.data());
            };
            call(0, first_call);
            call(first_call, heads - first_call);
        }
    }
    double worst = 0;
    for (std::size_t i = 0; i < o.size(); ++i) {
        if (std::isnan(o[i])) return 1e9;
        worst = support::larger(worst, static_cast<double>(std::abs(o[i] - whole[i])));
    }
    return worst;
}

// The same for heads that share keys and values, with the heads of keys in two calls.
template <class T>
double difference_shared(const kernel::AttentionSize& size, std::size_t first_call) {
    const std::size_t C = size.channels(), rows = size.batch * size.tokens, row = size.row(), d = size.width;
    Buffer<T> qkv(rows * row), whole(rows * C), o(rows * C), largest(rows * size.heads), inverse(rows * size.heads);
    Rng rng{3};
    for (T& v : qkv) v = static_cast<T>(rng.uniform(-2.f, 2.f));
    kernel::AttentionScratch<T> room;
    kernel::attention_forward<T>(size, qkv.data(), whole.data(), largest, inverse, room);

    const std::size_t heads = size.batch * size.kv_heads, group = size.group();
    kernel::KvCacheByHead<T> cache{heads, size.tokens, d};
    Buffer<T> scratch(cache.scratch());
    for (T& v : o) v = T(99);
    for (std::size_t t = 0; t < size.tokens; ++t) {
        const auto call = [&](std::size_t first, std::size_t count) {
            const auto place = [&](T* from, std::size_t distance, std::size_t channels) {
                return [=, &size](std::size_t i) {
                    const std::size_t head = first + i;
                    return from + (head / size.kv_heads * size.tokens + t) * distance + head % size.kv_heads * channels;
                };
            };
            cache.step_shared(first, count, group, t, size.kv_channels(), place(qkv.data(), row, group * d),
                              place(qkv.data() + C, row, d), place(o.data(), C, group * d), scratch.data());
        };
        call(0, first_call);
        call(first_call, heads - first_call);
    }
    double worst = 0;
    for (std::size_t i = 0; i < o.size(); ++i) {
        if (std::isnan(o[i])) return 1e9;
        worst = support::larger(worst, static_cast<double>(std::abs(o[i] - whole[i])));
    }
    return worst;
}

}  // namespace

TEST_CASE("KvCacheByHead: heads that share keys give the bits of the whole sequence") {
    CHECK(difference_shared<float>({.batch = 2, .tokens = 35, .heads = 4, .width = 32, .kv_heads = 2}, 1) == 0);
    CHECK(difference_shared<float>({.batch = 3, .tokens = 19, .heads = 7, .width = 10, .kv_heads = 1}, 2) == 0);
    CHECK(difference_shared<float>({.batch = 1, .tokens = 130, .heads = 6, .width = 16, .kv_heads = 3}, 0) == 0);
    CHECK(difference_shared<double>({.batch = 2, .tokens = 7, .heads = 6, .width = 5, .kv_heads = 2}, 3) == 0);
}

TEST_CASE("KvCacheByHead: token by token gives the bits of the whole sequence, whichever heads share a loop") {
    CHECK(difference<float>({.batch = 2, .tokens = 35, .heads = 4, .width = 32}, 0) == 0);
    CHECK(difference<float>({.batch = 3, .tokens = 19, .heads = 3, .width = 10}, 2) == 0);  // a part of a vector
    CHECK(difference<float>({.batch = 1, .tokens = 5, .heads = 1, .width = 4}, 0) == 0);
    CHECK(difference<float>({.batch = 2, .tokens = 18, .heads = 5, .width = 56}, 3) == 0);  // 7 vectors: 4, 2 and 1
    CHECK(difference<float>({.batch = 1, .tokens = 33, .heads = 2, .width = 128}, 1) == 0);
    CHECK(difference<double>({.batch = 2, .tokens = 7, .heads = 3, .width = 5}, 4) == 0);
}

TEST_CASE("KvCacheByHead: a NaN score makes o of its head NaN, and of no other head") {
    constexpr std::size_t d = 8, heads = 3;
    kernel::KvCacheByHead<float> cache{heads, 2, d};
    Buffer<float> qkv(heads * d * 3, 0.5f), o(heads * d), scratch(cache.scratch());
    qkv[d] = std::nanf("");  // q of head 1
    for (std::size_t key = 0; key < 2; ++key)
        cache.step(
            0, heads, key, heads * d, [&](std::size_t i) { return qkv.data() + i * d; },
            [&](std::size_t i) { return o.data() + i * d; }, scratch.data());
    support::Mismatch wrong;
    for (std::size_t i = 0; i < o.size(); ++i) wrong.compare(i / d == 1, std::isnan(o[i]), "NaN at ", i);
    CHECK(wrong.first() == "");
}
