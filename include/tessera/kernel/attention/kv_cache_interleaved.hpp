#pragma once
// KvCacheInterleaved: attention of one new token of many heads at once; a SIMD lane is a head, of any sequence.
//
//     o = sum over keys of e^(q k - largest) v / sum of e^(q k - largest)
//
// keys, values    [W heads][key][d][W]: a new token adds d whole vectors, all keys are read as one stream, and no sum,
//                 no maximum and no remainder is across lanes
//
// The bits are those of attention.hpp, because every sum runs in the same order. With 64 sequences of the small prior,
// attention is 33 % of the time by head and 22 % interleaved (AVX-512, 2 MiB of L2): by head a new key touches d lines,
// and a panel of 32 keys is read even if it holds one. The remaining time is spent waiting for L3, which delivers 3 MB
// a token of 32 sequences. Prefetching the values while the scores are computed, and the next keys after that, changes
// nothing.
//
// Shapes   in(i): q, k, v of head i, [d] each, `stride` apart; out(i) [d]; d a multiple of W
// Cost     2 d keys multiply-adds for each head; 2 heads keys d elements, allocated by the constructor

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/attention/attention_head.hpp>
#include <tessera/kernel/attention/attention_tile.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/simd/transpose.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

namespace attention::detail {
inline constexpr std::size_t keys_together = 4;  // independent chains of fma that hide its latency

// s[key][lane] = q[lane] . keys[key][lane] for some keys, `key_stride` elements apart.
template <std::size_t... K>
[[gnu::__always_inline__]] inline void lane_scores(std::size_t d, const float* q, const float* keys,
                                                   std::size_t key_stride, float* s, std::index_sequence<K...>) {
    Vec c[sizeof...(K)];
    ((c[K] = Vec(0.f)), ...);
    for (std::size_t i = 0; i < d * W; i += W) {
        const Vec x = simd::load(q + i);
        ((c[K] = simd::fma<float>(x, Vec::load_aligned(keys + K * key_stride + i), c[K])), ...);
    }
    (simd::store(s + K * W, c[K]), ...);
}
// s = 2^(s - largest of its lane); returns 1 / the sums.
inline Vec lane_weights(std::size_t keys, float* s) {
    Vec largest(-std::numeric_limits<float>::infinity()), sum(0.f);
    for (std::size_t j = 0; j < keys; ++j) largest = max_score(s + j * W, largest);
    for (std::size_t j = 0; j < keys; ++j) sum = sum + exp_score(s + j * W, largest);
    return simd::divide(Vec(1.f), sum);
}
// o[i][lane] = factor sum over keys of p[key][lane] values[key][i][lane], for W elements of each head.
template <std::size_t... M>
[[gnu::__always_inline__]] inline void lane_values(std::size_t keys, const float* p, const float* values,
                                                   std::size_t key_stride, Vec factor, float* o,
                                                   std::index_sequence<M...>) {
    Vec c[sizeof...(M)];
    ((c[M] = Vec(0.f)), ...);
    for (std::size_t j = 0; j < keys; ++j, values += key_stride) {
        const Vec w = simd::load(p + j * W);
        ((c[M] = simd::fma<float>(w, Vec::load_aligned(values + M * W), c[M])), ...);
    }
    (simd::store(o + M * W, factor * c[M]), ...);
}
}  // namespace attention::detail

/// Keys and values of many heads, [d] each.
class KvCacheInterleaved {
    static constexpr std::size_t W = attention::W;

public:
    /// Whether the heads fill a vector, and each is whole vectors; otherwise use KvCacheByHead.
    static bool supports(std::size_t heads, std::size_t d) { return heads >= W && d % W == 0; }

    KvCacheInterleaved(std::size_t heads, std::size_t max_keys, std::size_t d)
        : heads_{heads}, groups_{ceil_div(heads, W)}, max_keys_{max_keys}, d_{d}, keys_(groups_ * max_keys * d * W),
          values_(keys_.size()) {}
    /// Elements of scratch memory that one call of `step` needs.
    [[nodiscard]] std::size_t scratch() const { return (2 * d_ + max_keys_ + W) * W; }

    /// For all heads: appends key and value `key`, and attends to keys 0 .. key. in(i) points to q of
    /// the i-th head, k and v follow at a distance of `stride`; out(i) points to its o.
    template <class In, class Out>
    void step(std::size_t key, std::size_t stride, In in, Out out, float* scratch) {
        namespace impl = attention::detail;
        const std::size_t key_stride = d_ * W;
        float *const q = scratch, *const o = q + key_stride, *const square = o + key_stride, *const s = square + W * W;
        const attention::Vec one(1.f), scale(attention::log2_e / std::sqrt(static_cast<float>(d_)));
        for (std::size_t group = 0; group < groups_; ++group) {
            const std::size_t first = group * W, begin = group * max_keys_ * key_stride;
            float *const k = keys_.data() + begin, *const v = values_.data() + begin;
            // q, k and v of W heads into lanes: q times log2 e / sqrt d into scratch, k and v to the end of the cache
            const float* row[W];
            for (std::size_t i = 0; i < W; ++i) row[i] = in((std::min)(first + i, heads_ - 1));
            for (std::size_t c = 0; c < d_; c += W) {
                transpose([&](std::size_t r) { return row[r] + c; }, scale, q + c * W, W);
                transpose([&](std::size_t r) { return row[r] + stride + c; }, one, k + key * key_stride + c * W, W);
                transpose([&](std::size_t r) { return row[r] + 2 * stride + c; }, one, v + key * key_stride + c * W, W);
            }
            // s = q k^T, four keys at a time, then s = 2^(s - largest)
            std::size_t j = 0;
            for (; j + impl::keys_together <= key + 1; j += impl::keys_together)
                impl::lane_scores(d_, q, k + j * key_stride, key_stride, s + j * W,
                                  std::make_index_sequence<impl::keys_together>{});
            for (; j <= key; ++j)
                impl::lane_scores(d_, q, k + j * key_stride, key_stride, s + j * W, std::make_index_sequence<1>{});
            const attention::Vec inverse = impl::lane_weights(key + 1, s);
            // o = s v / sum of s, back from lanes to rows
            for (std::size_t c = 0; c < d_; c += W) {
                impl::lane_values(key + 1, s, v + c * W, key_stride, inverse, o + c * W, std::make_index_sequence<W>{});
                transpose([&](std::size_t r) { return o + (c + r) * W; }, one, square, W);
                for (std::size_t i = 0; i < (std::min)(W, heads_ - first); ++i)
                    simd::store(out(first + i) + c, simd::load<float>(square + i * W));
            }
        }
    }

private:
    std::size_t heads_, groups_, max_keys_, d_;
    Buffer<float> keys_, values_;
};

}  // namespace tessera::kernel
