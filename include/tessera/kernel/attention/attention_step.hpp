#pragma once
// KvCacheByHead: attention of one new token of each head, over the keys and values of earlier tokens.
//
//     o = sum over keys of e^(q k - largest) v / sum of e^(q k - largest)
//
// float    keys [head][key / 2W][d][2W]: keys are lanes, a score is a sum over d
//          values [head][key][d]: numbers of o are lanes, a number of o is a sum over keys
// others   both [head][key][d]
//
// The bits are those of attention.hpp, because every sum runs in the same order. No sum can be split, and one head has
// 2 to 4 of them where the latency of an fma needs 8: four heads share a loop over d, two a loop over keys, in which
// the sum of the weights is one lane more. This is the order for one sequence or a team of threads; many sequences on
// one thread, which would wait for L3 with this order, use KvCacheInterleaved.
//
// Dead ends: the last W keys as rows until they fill a block, so that a new key touches 2 lines instead of 32, with a
// transpose in each step (5 to 15 % slower); prefetching all keys and values of the next heads (no change).
//
// Shapes   in(i): q, k, v of head i, `apart` numbers apart, d each; out(i): d numbers
// Cost     2 d keys multiply-adds for each head; 2 heads keys d numbers, allocated by the constructor

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/attention/attention_head.hpp>
#include <tessera/kernel/attention/attention_plain.hpp>
#include <tessera/kernel/attention/attention_tile.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/pad_rows.hpp>
#include <tessera/kernel/simd/round_up.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

namespace attention::detail {
inline constexpr std::size_t step_heads = 4;      // heads that share a loop over d
inline constexpr std::size_t step_lanes = 2 * W;  // keys of a panel

// Matrices of heads: the first one, and the distance to the next.
template <class T>
struct Apart {
    T* at;
    std::size_t by;
    Apart from(std::size_t n) const { return {at + n, by}; }
};

// s[h][key] = q[h] . key for the keys of one panel.
template <std::size_t... I>
[[gnu::always_inline]] inline void panel_scores(std::size_t d, Apart<const float> q, Apart<const float> keys,
                                                Apart<float> s, std::index_sequence<I...>) {
    Vec c[sizeof...(I)];
    ((c[I] = Vec(0.f)), ...);
    for (std::size_t i = 0; i < d; ++i, keys.at += step_lanes)
        ((c[I] = simd::fma<float>(Vec(q.at[I / 2 * q.by + i]), Vec::load_aligned(keys.at + I / 2 * keys.by + I % 2 * W),
                                  c[I])),
         ...);
    (simd::store(s.at + I / 2 * s.by + I % 2 * W, c[I]), ...);
}
// s[h][key] = q[h] . key for all panels of H heads.
template <std::size_t H>
[[gnu::noinline]] inline void step_scores(std::size_t panels, std::size_t d, Apart<const float> q,
                                          Apart<const float> keys, Apart<float> s) {
    for (std::size_t p = 0; p < panels; ++p)
        panel_scores(d, q, keys.from(p * d * step_lanes), s.from(p * step_lanes), std::make_index_sequence<2 * H>{});
}

// s = 2^(s - largest of the first `keys`), in whole vectors. Their sums are made by block_values.
inline void step_weigh(std::size_t keys, float* s) {
    Vec m(s[0]);
    std::size_t j = 0;
    for (; j + W <= keys; j += W) m = max_score(s + j, m);
    if (j < keys) m = simd::detail::first_of<float>(keys - j, max_score(s + j, m), m);
    m = simd::across<float>(m, simd::detail::Larger{});
    for (j = 0; j < keys; j += W) exp_score(s + j, m);
}

// o[h][column + 0 .. n) = sum of p[h][key] values[h][key] / sum of p[h][key], NV vectors of each of H heads.
template <std::size_t... I, std::size_t... H>
[[gnu::always_inline]] inline void block_values(std::size_t keys, Apart<const float> p, Apart<const float> values,
                                                std::size_t row, float* const* o, std::size_t column, std::size_t n,
                                                std::index_sequence<I...>, std::index_sequence<H...>) {
    constexpr std::size_t NV = sizeof...(I) / sizeof...(H);
    Vec c[sizeof...(I)], sum[sizeof...(H)];
    ((c[I] = Vec(0.f)), ...);
    ((sum[H] = Vec(0.f)), ...);
    // c += p v and sum += p, one key after another
    const float* v = values.at;
    for (std::size_t j = 0; j < keys; ++j, v += row) {
        const Vec w[] = {Vec(p.at[H * p.by + j])...};
        ((c[I] = simd::fma<float>(w[I / NV], Vec::load_aligned(v + I / NV * values.by + I % NV * W), c[I])), ...);
        ((sum[H] = sum[H] + w[H]), ...);
    }
    // o = c / sum
    ((sum[H] = Vec(1.f) / sum[H]), ...);
    (simd::store_unpadded<float>(o[I / NV] + column, I % NV * W, n, sum[I / NV] * c[I]), ...);
}
template <std::size_t H, std::size_t NV>
[[gnu::noinline]] inline void step_values(std::size_t keys, Apart<const float> p, Apart<const float> values,
                                          std::size_t row, float* const* o, std::size_t column, std::size_t n) {
    block_values(keys, p, values, row, o, column, n, std::make_index_sequence<H * NV>{}, std::make_index_sequence<H>{});
}
template <std::size_t H>
inline void step_values(std::size_t keys, Apart<const float> p, Apart<const float> values, std::size_t row,
                        float* const* o, std::size_t d) {
    std::size_t c = 0;
    for (; c + 4 * W <= row; c += 4 * W) step_values<H, 4>(keys, p, values.from(c), row, o, c, d - c);
    for (; c + 2 * W <= row; c += 2 * W) step_values<H, 2>(keys, p, values.from(c), row, o, c, d - c);
    if (c < row) step_values<H, 1>(keys, p, values.from(c), row, o, c, d - c);
}
}  // namespace attention::detail

/// Keys and values of many heads, d numbers each.
template <std::floating_point T>
class KvCacheByHead {
    static constexpr bool fast = std::same_as<T, float>;
    static constexpr std::size_t lanes = fast ? attention::detail::step_lanes : 1;
    static constexpr std::size_t group = fast ? attention::detail::step_heads : 1;

public:
    KvCacheByHead(std::size_t heads, std::size_t most_keys, std::size_t d)
        : d_{d}, row_{round_up(d, fast ? simd::width<T> : 1)}, columns_{round_up(most_keys, lanes)},
          keys_by_{columns_ * d}, values_by_{most_keys * row_}, keys_(heads * keys_by_), values_(heads * values_by_) {}
    /// Numbers of scratch in a call of step.
    std::size_t scratch() const { return group * (row_ + columns_); }

    /// For `count` heads from `first` on: appends key and value number `key`, and attends to keys 0 .. key. in(i)
    /// points to q of the i-th head, k and v follow at a distance of `apart`; out(i) points to its o.
    template <class In, class Out>
    void step(std::size_t first, std::size_t count, std::size_t key, std::size_t apart, In in, Out out, T* scratch) {
        // One group ahead, because a load of a vector right after a store to a part of it waits until the store has
        // left the core (no store forwarding).
        const auto append_group = [&](std::size_t i) {
            for (const std::size_t end = (std::min)(count, i + group); i < end; ++i)
                append(first + i, key, in(i) + apart, in(i) + 2 * apart);
        };
        append_group(0);
        for (std::size_t i = 0; i < count; i += group) {
            append_group(i + group);
            prefetch_keys(first + i + 2 * group, first + (std::min)(count, i + 3 * group), key);
            const T* const k = keys_.data() + (first + i) * keys_by_;
            const T* const v = values_.data() + (first + i) * values_by_;
            if constexpr (fast) {
                const T* q[group]{};
                T* o[group]{};
                const std::size_t n = (std::min)(group, count - i);
                for (std::size_t h = 0; h < n; ++h) q[h] = in(i + h), o[h] = out(i + h);
                attend(n, key + 1, q, k, v, o, scratch);
            } else {
                T largest;
                attention::plain::row<T>(key + 1, d_, in(i), {k, row_}, {v, row_}, scratch, out(i), largest);
            }
        }
    }

private:
    // Prefetches the lines that a new key of these heads is written to: one for each of its numbers (4 % of sampling).
    void prefetch_keys(std::size_t head, std::size_t end, std::size_t key) const {
        if constexpr (fast)
            for (; head < end; ++head)
                for (std::size_t i = 0; i < d_; ++i)
                    simd::prefetch(keys_.data() + head * keys_by_ + (key / lanes * d_ + i) * lanes);
    }
    void append(std::size_t head, std::size_t key, const T* k, const T* v) {
        T* const to = keys_.data() + head * keys_by_ + key / lanes * d_ * lanes + key % lanes;
        for (std::size_t i = 0; i < d_; ++i) to[i * lanes] = k[i];
        std::copy_n(v, d_, values_.data() + head * values_by_ + key * row_);
    }
    // Attention of n adjacent heads, at most a group. in: their q.
    void attend(std::size_t n, std::size_t keys, const T* const* in, const T* k, const T* v, T* const* o, T* scratch) {
        namespace at = attention::detail;
        const at::Apart<T> q{scratch, row_}, p{scratch + group * row_, columns_};
        const at::Apart<const T> weights{p.at, p.by}, values{v, values_by_};
        const T scale = attention::log2_e / std::sqrt(static_cast<T>(d_));
        for (std::size_t h = 0; h < n; ++h)
            for (std::size_t i = 0; i < d_; ++i) q.at[h * row_ + i] = in[h][i] * scale;
        // p = q k^T, p = 2^(p - largest), o = p v / sum of p
        constexpr std::array scores{&at::step_scores<1>, &at::step_scores<2>, &at::step_scores<3>, &at::step_scores<4>};
        scores[n - 1](ceil_div(keys, lanes), d_, {q.at, q.by}, {k, keys_by_}, p);
        for (std::size_t h = 0; h < n; ++h) at::step_weigh(keys, p.at + h * columns_);
        std::size_t h = 0;
        for (; h + 2 <= n; h += 2)
            at::step_values<2>(keys, weights.from(h * columns_), values.from(h * values_by_), row_, o + h, d_);
        if (h < n) at::step_values<1>(keys, weights.from(h * columns_), values.from(h * values_by_), row_, o + h, d_);
    }

    std::size_t d_, row_, columns_, keys_by_, values_by_;
    Buffer<T> keys_, values_;
};

}  // namespace tessera::kernel
