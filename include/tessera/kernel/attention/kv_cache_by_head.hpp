#pragma once
// KvCacheByHead: attention of one new token of each head, over the keys and values of earlier tokens.
//
//     o = sum over keys of e^(q k - largest) v / sum of e^(q k - largest)
//
// float    keys [head][key / 2W][d][2W]: keys are lanes, a score is a sum over d
//          values [head][key][d]: elements of o are lanes, each is a sum over keys
// others   both [head][key][d]
//
// The bits are those of attention.hpp, because every sum runs in the same order. No sum can be split, and one head has
// 2 to 4 of them where the latency of an fma needs 8: four heads share a loop over d, two a loop over keys, in which
// the sum of the weights is one lane more. This is the order for one sequence or a team of threads; many sequences on
// one thread, which would wait for L3 with this order, use KvCacheInterleaved.
//
// `step_shared` is for heads of keys and values that several heads of queries read (attention.hpp, kv_heads): these
// share the loop, and the cache is smaller by their number.
//
// Dead ends: the last W keys as rows until they fill a block, so that a new key touches 2 lines instead of 32, with a
// transpose in each step (5 to 15 % slower); prefetching all keys and values of the next heads (no change).
//
// Shapes   in(i): q, k, v of head i, [d] each, `stride` apart; out(i) [d]
// Cost     2 d keys multiply-adds for each head; 2 heads keys d elements, allocated by the constructor

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

// Matrices of heads: the first one, and the distance from one to the next.
template <class T>
struct Strided {
    T* data;
    std::size_t stride;
    Strided from(std::size_t n) const { return {data + n, stride}; }
};

// s[h][key] = q[h] . key for the keys of one panel.
template <std::size_t... M>
[[gnu::__always_inline__]] inline void panel_scores(std::size_t d, Strided<const float> q, Strided<const float> keys,
                                                    Strided<float> s, std::index_sequence<M...>) {
    Vec c[sizeof...(M)];
    ((c[M] = Vec(0.f)), ...);
    for (std::size_t i = 0; i < d; ++i, keys.data += step_lanes)
        ((c[M] = simd::fma<float>(Vec(q.data[M / 2 * q.stride + i]),
                                  Vec::load_aligned(keys.data + M / 2 * keys.stride + M % 2 * W), c[M])),
         ...);
    (simd::store(s.data + M / 2 * s.stride + M % 2 * W, c[M]), ...);
}
// s[h][key] = q[h] . key for all panels of H heads.
template <std::size_t H>
[[gnu::__noinline__]] inline void step_scores(std::size_t panels, std::size_t d, Strided<const float> q,
                                              Strided<const float> keys, Strided<float> s) {
    for (std::size_t p = 0; p < panels; ++p)
        panel_scores(d, q, keys.from(p * d * step_lanes), s.from(p * step_lanes), std::make_index_sequence<2 * H>{});
}

// s = 2^(s - largest of the first `keys`), in whole vectors. block_values sums them.
inline void step_weights(std::size_t keys, float* s) {
    Vec m(s[0]);
    std::size_t j = 0;
    for (; j + W <= keys; j += W) m = max_score(s + j, m);
    if (j < keys) m = simd::detail::first_of<float>(keys - j, max_score(s + j, m), m);
    m = simd::across<float>(m, simd::detail::Larger{});
    for (j = 0; j < keys; j += W) exp_score(s + j, m);
}

// o[h][column + 0 .. n) = sum of p[h][key] values[h][key] / sum of p[h][key], NV vectors of each of H heads.
template <std::size_t... M, std::size_t... H>
[[gnu::__always_inline__]] inline void
block_values(std::size_t keys, Strided<const float> p, Strided<const float> values, std::size_t row, float* const* o,
             std::size_t column, std::size_t n, std::index_sequence<M...>, std::index_sequence<H...>) {
    constexpr std::size_t NV = sizeof...(M) / sizeof...(H);
    Vec c[sizeof...(M)], sum[sizeof...(H)];
    ((c[M] = Vec(0.f)), ...);
    ((sum[H] = Vec(0.f)), ...);
    // c += p v and sum += p, one key after another
    const float* v = values.data;
    for (std::size_t j = 0; j < keys; ++j, v += row) {
        const Vec w[] = {Vec(p.data[H * p.stride + j])...};
        ((c[M] = simd::fma<float>(w[M / NV], Vec::load_aligned(v + M / NV * values.stride + M % NV * W), c[M])), ...);
        ((sum[H] = sum[H] + w[H]), ...);
    }
    // o = c / sum
    ((sum[H] = simd::divide(Vec(1.f), sum[H])), ...);
    (simd::store_unpadded<float>(o[M / NV] + column, M % NV * W, n, sum[M / NV] * c[M]), ...);
}
template <std::size_t H, std::size_t NV>
[[gnu::__noinline__]] inline void step_values(std::size_t keys, Strided<const float> p, Strided<const float> values,
                                              std::size_t row, float* const* o, std::size_t column, std::size_t n) {
    block_values(keys, p, values, row, o, column, n, std::make_index_sequence<H * NV>{}, std::make_index_sequence<H>{});
}
template <std::size_t H>
inline void step_values(std::size_t keys, Strided<const float> p, Strided<const float> values, std::size_t row,
                        float* const* o, std::size_t d) {
    std::size_t c = 0;
    for (; c + 4 * W <= row; c += 4 * W) step_values<H, 4>(keys, p, values.from(c), row, o, c, d - c);
    for (; c + 2 * W <= row; c += 2 * W) step_values<H, 2>(keys, p, values.from(c), row, o, c, d - c);
    if (c < row) step_values<H, 1>(keys, p, values.from(c), row, o, c, d - c);
}
}  // namespace attention::detail

/// Keys and values of many heads, [d] each.
template <std::floating_point T>
class KvCacheByHead {
    static constexpr bool fast = std::same_as<T, float>;
    static constexpr std::size_t lanes = fast ? attention::detail::step_lanes : 1;
    static constexpr std::size_t group = fast ? attention::detail::step_heads : 1;

public:
    KvCacheByHead(std::size_t heads, std::size_t max_keys, std::size_t d)
        : d_{d}, row_{round_up(d, fast ? simd::width<T> : 1)}, columns_{round_up(max_keys, lanes)},
          key_stride_{columns_ * d}, value_stride_{max_keys * row_}, keys_(heads * key_stride_),
          values_(heads * value_stride_) {}
    /// Elements of scratch memory that one call of `step` needs.
    [[nodiscard]] std::size_t scratch() const { return group * (row_ + columns_); }

    /// For `count` heads from `first` on: appends key and value `key`, and attends to keys 0 .. key. in(i) points to q
    /// of the i-th head, k and v follow at a distance of `stride`; out(i) points to its o.
    template <class In, class Out>
    void step(std::size_t first, std::size_t count, std::size_t key, std::size_t stride, In in, Out out, T* scratch) {
        // One group ahead, because a load of a vector right after a store to a part of it waits until the store has
        // left the core (no store forwarding).
        const auto append_group = [&](std::size_t i) {
            for (const std::size_t end = (std::min)(count, i + group); i < end; ++i)
                append(first + i, key, in(i) + stride, in(i) + 2 * stride);
        };
        append_group(0);
        for (std::size_t i = 0; i < count; i += group) {
            append_group(i + group);
            prefetch_keys(first + i + 2 * group, first + (std::min)(count, i + 3 * group), key);
            const T* const k = keys_.data() + (first + i) * key_stride_;
            const T* const v = values_.data() + (first + i) * value_stride_;
            if constexpr (fast) {
                const T* q[group]{};
                T* o[group]{};
                const std::size_t n = (std::min)(group, count - i);
                for (std::size_t h = 0; h < n; ++h) {
                    q[h] = in(i + h);
                    o[h] = out(i + h);
                }
                attend(n, key + 1, q, {k, key_stride_}, {v, value_stride_}, o, scratch);
            } else {
                T largest;
                attention::plain::row<T>(key + 1, d_, in(i), {k, row_}, {v, row_}, scratch, out(i), largest);
            }
        }
    }

    /// For `count` heads of keys and values from `first` on, each read by `queries` heads of queries: appends and
    /// attends as `step` does. query(i) and out(i) point to the first of these, the others follow at a distance of d;
    /// key(i) points to the new key, the value follows at a distance of `stride`.
    template <class Query, class Key, class Out>
    void step_shared(std::size_t first, std::size_t count, std::size_t queries, std::size_t at, std::size_t stride,
                     Query query, Key key, Out out, T* scratch) {
        for (std::size_t i = 0; i < count; ++i) append(first + i, at, key(i), key(i) + stride);
        for (std::size_t i = 0; i < count; ++i) {
            const T* const k = keys_.data() + (first + i) * key_stride_;
            const T* const v = values_.data() + (first + i) * value_stride_;
            for (std::size_t h = 0; h < queries; h += group) {
                if constexpr (fast) {
                    const T* q[group]{};
                    T* o[group]{};
                    const std::size_t n = (std::min)(group, queries - h);
                    for (std::size_t j = 0; j < n; ++j) {
                        q[j] = query(i) + (h + j) * d_;
                        o[j] = out(i) + (h + j) * d_;
                    }
                    attend(n, at + 1, q, {k, 0}, {v, 0}, o, scratch);
                } else {
                    T largest;
                    attention::plain::row<T>(at + 1, d_, query(i) + h * d_, {k, row_}, {v, row_}, scratch,
                                             out(i) + h * d_, largest);
                }
            }
        }
    }

private:
    template <class U>
    using Strided = attention::detail::Strided<U>;

    // Prefetches the lines that a new key of these heads is written to: one for each of its elements (4 % of sampling).
    void prefetch_keys(std::size_t head, std::size_t end, std::size_t key) const {
        if constexpr (fast)
            for (; head < end; ++head)
                for (std::size_t i = 0; i < d_; ++i)
                    simd::prefetch(keys_.data() + head * key_stride_ + (key / lanes * d_ + i) * lanes);
    }
    void append(std::size_t head, std::size_t key, const T* k, const T* v) {
        T* const to = keys_.data() + head * key_stride_ + key / lanes * d_ * lanes + key % lanes;
        for (std::size_t i = 0; i < d_; ++i) to[i * lanes] = k[i];
        std::copy_n(v, d_, values_.data() + head * value_stride_ + key * row_);
    }
    // Attention of n heads, at most a group. in: their q. The strides of k and v are 0 where the heads share them.
    void attend(std::size_t n, std::size_t keys, const T* const* in, Strided<const T> k, Strided<const T> v,
                T* const* o, T* scratch) {
        namespace impl = attention::detail;
        const Strided<T> q{scratch, row_}, p{scratch + group * row_, columns_};
        const Strided<const T> weights{p.data, p.stride};
        const T scale = attention::log2_e / std::sqrt(static_cast<T>(d_));
        for (std::size_t h = 0; h < n; ++h)
            for (std::size_t i = 0; i < d_; ++i) q.data[h * row_ + i] = in[h][i] * scale;
        // p = q k^T, p = 2^(p - largest), o = p v / sum of p
        constexpr std::array scores{&impl::step_scores<1>, &impl::step_scores<2>, &impl::step_scores<3>,
                                    &impl::step_scores<4>};
        scores[n - 1](ceil_div(keys, lanes), d_, {q.data, q.stride}, k, p);
        for (std::size_t h = 0; h < n; ++h) impl::step_weights(keys, p.data + h * columns_);
        std::size_t h = 0;
        for (; h + 2 <= n; h += 2)
            impl::step_values<2>(keys, weights.from(h * columns_), v.from(h * v.stride), row_, o + h, d_);
        if (h < n) impl::step_values<1>(keys, weights.from(h * columns_), v.from(h * v.stride), row_, o + h, d_);
    }

    std::size_t d_, row_, columns_, key_stride_, value_stride_;
    Buffer<T> keys_, values_;
};

}  // namespace tessera::kernel
