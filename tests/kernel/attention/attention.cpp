#include <tessera/kernel/attention/attention.hpp>

#include <doctest/doctest.h>
#include <support/counting_allocator.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;
using kernel::AttentionSize;

namespace {

// The longest first: the scratch is used again. Up to 128 tokens stay in place, 65 and 130 need more than one run of
// keys.
constexpr std::size_t lengths[] = {130, 1, 2, 7, 15, 16, 31, 33, 49, 65};

// The formulas with the whole T x T matrix, in double.
template <class T>
struct Twin {
    std::vector<T> o, dqkv;

    Twin(const AttentionSize& s, const std::vector<T>& qkv, const std::vector<T>& dout)
        : o(dout.size()), dqkv(qkv.size()) {
        const std::size_t n = s.tokens, d = s.width, C = s.channels();
        const double scale = 1 / std::sqrt(static_cast<double>(d));
        for (std::size_t unit = 0; unit < s.batch * s.heads; ++unit) {
            const std::size_t sample = unit / s.heads, head = unit % s.heads;
            // which: 0 q, 1 k, 2 v
            const auto place = [&](std::size_t which, std::size_t t, std::size_t i) {
                return (sample * n + t) * 3 * C + which * C + head * d + i;
            };
            const auto in = [&](std::size_t which, std::size_t t, std::size_t i) {
                return static_cast<double>(qkv[place(which, t, i)]);
            };
            const auto out = [&](std::size_t t, std::size_t i) { return (sample * n + t) * C + head * d + i; };
            std::vector<double> dk(n * d), dv(n * d);
            for (std::size_t t = 0; t < n; ++t) {
                std::vector<double> p(t + 1), dp(t + 1), y(d), dq(d);
                double largest = -1e300, sum = 0, dot = 0;
                for (std::size_t j = 0; j <= t; ++j) {
                    for (std::size_t i = 0; i < d; ++i) p[j] += scale * in(0, t, i) * in(1, j, i);
                    largest = std::max(largest, p[j]);
                }
                for (double& v : p) sum += v = std::exp(v - largest);
                for (std::size_t j = 0; j <= t; ++j) {
                    p[j] /= sum;
                    for (std::size_t i = 0; i < d; ++i) {
                        const double dy = static_cast<double>(dout[out(t, i)]);
                        y[i] += p[j] * in(2, j, i);
                        dp[j] += dy * in(2, j, i);
                        dv[j * d + i] += p[j] * dy;
                    }
                    dot += p[j] * dp[j];
                }
                for (std::size_t j = 0; j <= t; ++j)
                    for (std::size_t i = 0; i < d; ++i) {
                        const double ds = p[j] * (dp[j] - dot) * scale;
                        dq[i] += ds * in(1, j, i);
                        dk[j * d + i] += ds * in(0, t, i);
                    }
                for (std::size_t i = 0; i < d; ++i) {
                    o[out(t, i)] = static_cast<T>(y[i]);
                    dqkv[place(0, t, i)] = static_cast<T>(dq[i]);
                }
            }
            for (std::size_t t = 0; t < n; ++t)
                for (std::size_t i = 0; i < d; ++i) {
                    dqkv[place(1, t, i)] = static_cast<T>(dk[t * d + i]);
                    dqkv[place(2, t, i)] = static_cast<T>(dv[t * d + i]);
                }
        }
    }
};

template <class T>
struct Run {
    std::vector<T> o, dqkv, largest, inverse;

    Run(const AttentionSize& s, std::span<const T> qkv, std::span<const T> dout, kernel::AttentionScratch<T>& scratch)
        : o(dout.size(), T(7)), dqkv(qkv.size(), std::numeric_limits<T>::quiet_NaN()),
          largest(s.batch * s.heads * s.tokens), inverse(largest.size()) {
        kernel::attention_forward<T>(s, qkv.data(), o.data(), largest, inverse, scratch);
        kernel::attention_backward<T>(s, qkv.data(), o.data(), dout.data(), dqkv.data(), largest, inverse, scratch);
    }
};

}  // namespace

TEST_CASE_TEMPLATE(
    "attention: values and gradients are the formulas, for lengths and widths around a vector and a block", T, float,
    double) {
    double forward = 0, backward = 0;
    kernel::AttentionScratch<T> scratch;
    for (const std::size_t tokens : lengths)
        for (const std::size_t heads : {1u, 3u})
            for (const std::size_t width : {1u, 3u, 8u, 20u, 32u, 33u, 64u}) {
                const AttentionSize size{2, tokens, heads, width};
                const auto qkv = numbers<T>(2 * tokens * 3 * heads * width, tokens),
                           dout = numbers<T>(2 * tokens * heads * width, heads);
                const Run<T> run{size, qkv, dout, scratch};
                const Twin<T> twin{size, qkv, dout};
                forward = std::max(forward, distance(twin.o, run.o));
                backward = std::max(backward, distance(twin.dqkv, run.dqkv));
            }
    CHECK(forward < 30);
    CHECK(backward < 100);
}

TEST_CASE("attention: a query depends on no later token, and on no other sample or head") {
    const AttentionSize size{2, 49, 2, 16};
    const std::size_t C = size.channels(), seen = 20;
    auto qkv = numbers<float>(2 * 49 * 3 * C, 1);
    const auto dout = numbers<float>(2 * 49 * C, 2);
    kernel::AttentionScratch<float> scratch;
    const Run<float> before{size, qkv, dout, scratch};
    for (std::size_t i = seen * 3 * C; i < 49 * 3 * C; ++i) qkv[i] *= -3;  // of the first sample
    const Run<float> later{size, qkv, dout, scratch};
    const auto same = [&](const Run<float>& a, std::size_t from, std::size_t to) {
        return std::equal(a.o.begin() + static_cast<std::ptrdiff_t>(from),
                          a.o.begin() + static_cast<std::ptrdiff_t>(to),
                          before.o.begin() + static_cast<std::ptrdiff_t>(from));
    };
    CHECK(same(later, 0, seen * C));
    CHECK(same(later, 49 * C, 2 * 49 * C));
    CHECK(!same(later, seen * C, 49 * C));
}

TEST_CASE("attention: a batch gives the bits of its samples one by one") {
    const AttentionSize size{3, 57, 2, 9}, one{1, 57, 2, 9};
    const auto qkv = numbers<float>(3 * 57 * 3 * 18, 1), dout = numbers<float>(3 * 57 * 18, 2);
    kernel::AttentionScratch<float> scratch;
    const Run<float> batch{size, qkv, dout, scratch};
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 3; ++n) {
        const Run<float> alone{one, std::span{qkv}.subspan(n * 57 * 54, 57 * 54),
                               std::span{dout}.subspan(n * 57 * 18, 57 * 18), scratch};
        wrong.compare(alone.o, std::span{batch.o}.subspan(n * 57 * 18, 57 * 18), "o, sample ", n);
        wrong.compare(alone.dqkv, std::span{batch.dqkv}.subspan(n * 57 * 54, 57 * 54), "dqkv, sample ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("attention: a NaN of any payload makes every output that depends on it NaN, and no other") {
    const AttentionSize size{1, 40, 2, 16};
    const std::size_t C = size.channels(), at = 17;
    const auto clean = numbers<float>(40 * 3 * C, 1), dout = numbers<float>(40 * C, 2);
    kernel::AttentionScratch<float> scratch;
    const Run<float> before{size, clean, dout, scratch};
    for (const std::uint32_t bits : {0x7fc00000u, 0xffc00001u, 0x7fffffffu})
        for (std::size_t which = 0; which < 3; ++which) {
            auto qkv = clean;
            qkv[at * 3 * C + which * C + 3] = std::bit_cast<float>(bits);  // q, k or v of head 0
            const Run<float> run{size, qkv, dout, scratch};
            support::Mismatch wrong;
            for (std::size_t t = 0; t < 40; ++t)
                for (std::size_t i = 0; i < C; ++i) {
                    const bool sees = i < 16 && (which == 0 ? t == at : t >= at) && (which < 2 || i == 3);
                    const bool may = i < 16 && which == 2 && i == 3 && t + 12 >= at;  // 0 NaN in the tile of its row
                    if (!may || sees)
                        wrong.compare(sees, std::isnan(run.o[t * C + i]), "NaN, token ", t, ", channel ", i);
                }
            CHECK(wrong.first() == "");
            CHECK(std::isnan(run.dqkv[at * 3 * C + 3]));
            CHECK(std::isfinite(run.dqkv[at * 3 * C + 16 + 3]));  // head 1
        }
}

TEST_CASE("attention: allocates nothing after the largest size") {
    kernel::AttentionScratch<float> scratch;
    const auto run = [&](const AttentionSize& size) {
        const auto qkv = numbers<float>(size.tokens * 3 * size.channels(), 1);
        const auto dout = numbers<float>(size.tokens * size.channels(), 2);
        std::vector<float> o(dout.size()), dqkv(qkv.size()), largest(size.heads * size.tokens), inverse(largest.size());
        const std::size_t before = support::allocations();
        kernel::attention_forward<float>(size, qkv.data(), o.data(), largest, inverse, scratch);
        kernel::attention_backward<float>(size, qkv.data(), o.data(), dout.data(), dqkv.data(), largest, inverse,
                                          scratch);
        return support::allocations() - before;
    };
    CHECK(run({1, 130, 2, 33}) > 0);
    CHECK(run({1, 130, 2, 33}) == 0);
    CHECK(run({1, 49, 2, 32}) == 0);
}

TEST_CASE("attention: scores far apart stay finite") {
    const AttentionSize size{1, 15, 1, 8};
    auto qkv = numbers<float>(15 * 24, 1);
    for (float& v : qkv) v *= 100;
    const auto dout = numbers<float>(15 * 8, 2);
    kernel::AttentionScratch<float> scratch;
    const Run<float> run{size, qkv, dout, scratch};
    const Twin<float> twin{size, qkv, dout};
    CHECK(distance(twin.o, run.o) < 100);
    CHECK(std::ranges::all_of(run.dqkv, [](float v) { return std::isfinite(v); }));
}

TEST_CASE_TEMPLATE(
    "attention: heads that share keys give the bits of heads with equal keys, and their gradients are added in order",
    T, float, double) {
    support::Mismatch wrong;
    kernel::AttentionScratch<T> scratch;
    for (const std::size_t tokens : {1u, 17u, 49u, 130u})
        for (const std::size_t kv_heads : {1u, 2u, 3u})
            for (const std::size_t d : {5u, 16u, 32u}) {
                const std::size_t heads = 6, group = heads / kv_heads, C = heads * d, K = kv_heads * d, batch = 2;
                const AttentionSize shared{batch, tokens, heads, d, kv_heads}, apart{batch, tokens, heads, d};
                const auto qkv = numbers<T>(batch * tokens * (C + 2 * K), tokens),
                           dout = numbers<T>(batch * tokens * C, d);
                std::vector<T> repeated(batch * tokens * 3 * C);
                for (std::size_t r = 0; r < batch * tokens; ++r)
                    for (std::size_t i = 0; i < C; ++i) {
                        const std::size_t from = i / d / group * d + i % d;
                        repeated[r * 3 * C + i] = qkv[r * (C + 2 * K) + i];
                        repeated[r * 3 * C + C + i] = qkv[r * (C + 2 * K) + C + from];
                        repeated[r * 3 * C + 2 * C + i] = qkv[r * (C + 2 * K) + C + K + from];
                    }
                const Run<T> run{shared, qkv, dout, scratch}, twin{apart, repeated, dout, scratch};
                wrong.compare(twin.o, run.o, "o, tokens = ", tokens, ", kv_heads = ", kv_heads, ", d = ", d);
                std::vector<T> dqkv(qkv.size());
                for (std::size_t r = 0; r < batch * tokens; ++r) {
                    T* const to = dqkv.data() + r * (C + 2 * K);
                    for (std::size_t i = 0; i < C; ++i) to[i] = twin.dqkv[r * 3 * C + i];
                    for (std::size_t which = 1; which < 3; ++which)
                        for (std::size_t i = 0; i < K; ++i) {
                            const T* const from = twin.dqkv.data() + r * 3 * C + which * C + i / d * group * d + i % d;
                            T sum = from[0];
                            for (std::size_t h = 1; h < group; ++h) sum += from[h * d];
                            to[C + (which - 1) * K + i] = sum;
                        }
                }
                wrong.compare(dqkv, run.dqkv, "dqkv, tokens = ", tokens, ", kv_heads = ", kv_heads, ", d = ", d);
            }
    CHECK(wrong.first() == "");
}

TEST_CASE("attention: its memory grows with the tokens, not with their square") {
    const auto floats = [](std::size_t tokens) {
        const AttentionSize size{1, tokens, 1, 32};
        const auto qkv = numbers<float>(tokens * 96, 1), dout = numbers<float>(tokens * 32, 2);
        kernel::AttentionScratch<float> scratch;
        const Run<float> run{size, qkv, dout, scratch};
        CHECK(std::ranges::all_of(run.dqkv, [](float v) { return std::isfinite(v); }));
        return scratch.values.size();
    };
    const std::size_t some = floats(784), many = floats(4096);
    CHECK(some < 784 * 400);  // 1.1 MB with vectors of 16, see the head comment
    CHECK(many < 4096 * 400);
}
