#pragma once
// attention_lanes: scores and softmax with queries as SIMD lanes, so that softmax has no sum and no maximum across
// lanes.
//
// One block of queries is two vectors wide, its scores are s[key][lane]. Blocks end at the last query, so the first
// block begins before query 0: its unused lanes see few keys or none, where a last block with one query (49 = 3 x 16 +
// 1) would see all of them. On the diagonal each of the two vectors ends at a different key. For the 1225 pairs of 49
// tokens, 1400 scores are computed with AVX2 and 1600 with AVX-512.
//
// Shapes   s, ds [keys][lanes]; largest, sums, dots [lanes]; rows of queries and keys [tokens, d]
// Cost     d multiply-adds and one exp2 for each score

#include <tessera/kernel/attention/attention_tile.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/simd/transpose.hpp>
#include <tessera/kernel/simd/vector_math.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel::attention {

inline constexpr std::size_t block_lanes = 2 * W;

/// Index of a query; negative before the first one.
using QueryIndex = std::ptrdiff_t;
inline constexpr QueryIndex signed_width = static_cast<QueryIndex>(W);
constexpr std::size_t clamp_to_zero(QueryIndex n) { return n > 0 ? static_cast<std::size_t>(n) : 0; }
constexpr std::size_t block_count(std::size_t tokens) { return ceil_div(tokens, block_lanes); }

/// Block b of the queries.
struct Block {
    QueryIndex first;        ///< of lane 0
    std::size_t begin, end;  ///< queries that exist; also the keys that are seen end here

    Block(std::size_t tokens, std::size_t b)
        : first{static_cast<QueryIndex>(tokens) - static_cast<QueryIndex>((block_count(tokens) - b) * block_lanes)},
          begin{clamp_to_zero(first)}, end{static_cast<std::size_t>(first + static_cast<QueryIndex>(block_lanes))} {}
    std::size_t lane(std::size_t query) const {
        return static_cast<std::size_t>(static_cast<QueryIndex>(query) - first);
    }
};

/// out[i][lane] = factor[lane] rows[query][i] for i < d, a multiple of W.
inline void queries_to_lanes(Rows<const float> rows, const Block& b, std::size_t d, const float* factor, float* out) {
    for (std::size_t v = 0; v < block_lanes; v += W) {
        const QueryIndex from = b.first + static_cast<QueryIndex>(v);
        if (from + signed_width <= 0) continue;
        const float* row[W];
        for (std::size_t r = 0; r < W; ++r) row[r] = rows[clamp_to_zero(from + static_cast<QueryIndex>(r))];
        for (std::size_t i = 0; i < d; i += W)
            transpose([&](std::size_t r) { return row[r] + i; }, simd::load(factor + v), out + i * block_lanes + v,
                      block_lanes);
    }
}

/// s[key - begin][lane] = keys[key] . q[.][lane] for begin <= key < end, in the vectors where any query sees the key.
template <std::same_as<float> T>
inline void scores(Rows<const T> keys, std::size_t d, const T* q, QueryIndex first, std::size_t begin, std::size_t end,
                   Rows<float> s) {
    const std::size_t both = std::clamp(clamp_to_zero(first + signed_width), begin, end);
    for_even_parts(begin, both, tile_rows(2), [&](std::size_t key, std::size_t r) {
        product<ProductOrder::across>(r, 2, d, keys.from(key), {q, block_lanes}, s.from(key - begin));
    });
    for_even_parts(both, end, tile_rows(1), [&](std::size_t key, std::size_t r) {
        product<ProductOrder::across>(r, 1, d, keys.from(key), {q + W, block_lanes}, s.from(key - begin, W));
    });
}

namespace detail {
// seen(v, other): v in the lanes whose query sees the key, other in the rest.
struct AllSee {
    [[gnu::__always_inline__]] Vec operator()(Vec v, Vec) const { return v; }
};
struct NoneSees {
    [[gnu::__always_inline__]] Vec operator()(Vec, Vec other) const { return other; }
};
struct SeeFrom {
    [[gnu::__always_inline__]] explicit SeeFrom(QueryIndex lane) : lane_(static_cast<float>(lane)) {}
    [[gnu::__always_inline__]] Vec operator()(Vec v, Vec other) const {
        alignas(64) static constexpr float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        return simd::select(Vec::load_aligned(numbers) < lane_, other, v);
    }
    Vec lane_;
};
// The steps of softmax on one vector of scores, in the lanes that see the key: max(s, largest), and s = 2^(s -
// largest), 0 in the other lanes, which is returned too.
template <class Seen = AllSee>
[[gnu::__always_inline__]] inline Vec max_score(const float* s, Vec largest, Seen seen = {}) {
    return seen((simd::max)(simd::load(s), largest), largest);
}
template <class Seen = AllSee>
[[gnu::__always_inline__]] inline Vec exp_score(float* s, Vec largest, Seen seen = {}) {
    const Vec e = seen(simd::exp2_below(simd::load<float>(s) - largest), Vec(0.f));
    simd::store(s, e);
    return e;
}
// f(vector, key, seen) for keys begin .. end: keys that all queries see, then those that end in the first vector, then
// in the second.
template <class F>
[[gnu::__always_inline__]] inline void for_pairs(QueryIndex first, std::size_t begin, std::size_t end, F&& f) {
    const std::size_t all = std::clamp(clamp_to_zero(first + 1), begin, end);
    const std::size_t both = std::clamp(clamp_to_zero(first + signed_width), begin, end);
    std::size_t key = begin;
    for (; key < all; ++key) {
        f(0, key, AllSee{});
        f(1, key, AllSee{});
    }
    for (; key < both; ++key) {
        f(0, key, SeeFrom{static_cast<QueryIndex>(key) - first});
        f(1, key, AllSee{});
    }
    for (; key < end; ++key) {
        f(0, key, NoneSees{});
        f(1, key, SeeFrom{static_cast<QueryIndex>(key) - first - signed_width});
    }
}
}  // namespace detail

/// largest[lane] = max(largest[lane], s[key][lane] of the keys seen). It may skip a NaN, which exp_and_sum does not.
inline void find_largest(const float* s, QueryIndex first, std::size_t begin, std::size_t end, float* largest) {
    Vec m[2] = {simd::load<float>(largest), simd::load<float>(largest + W)};
    detail::for_pairs(
        first, begin, end, [&](std::size_t v, std::size_t key, auto seen) __attribute__((__always_inline__)) {
            m[v] = detail::max_score(s + (key - begin) * block_lanes + v * W, m[v], seen);
        });
    simd::store(largest, m[0]);
    simd::store(largest + W, m[1]);
}

/// s = 2^(s - largest), zero where the query does not see the key; sums += s, one key after another.
inline void exp_and_sum(float* s, QueryIndex first, std::size_t begin, std::size_t end, const float* largest,
                        float* sums) {
    const Vec m[2] = {simd::load(largest), simd::load(largest + W)};
    Vec sum[2] = {simd::load<float>(sums), simd::load<float>(sums + W)};
    detail::for_pairs(
        first, begin, end, [&](std::size_t v, std::size_t key, auto seen) __attribute__((__always_inline__)) {
            sum[v] = sum[v] + detail::exp_score(s + (key - begin) * block_lanes + v * W, m[v], seen);
        });
    simd::store(sums, sum[0]);
    simd::store(sums + W, sum[1]);
}

/// s = 2^(s - largest) and ds = s (ds - dots), zero where the query does not see the key.
inline void exp_and_score_gradient(Rows<float> s, Rows<float> ds, QueryIndex first, std::size_t begin, std::size_t end,
                                   const float* largest, const float* dots) {
    const Vec m[2] = {simd::load(largest), simd::load(largest + W)}, dot[2] = {simd::load(dots), simd::load(dots + W)};
    detail::for_pairs(
        first, begin, end, [&](std::size_t v, std::size_t key, auto seen) __attribute__((__always_inline__)) {
            float* const slope = ds[key - begin] + v * W;
            const Vec e = detail::exp_score(s[key - begin] + v * W, m[v], seen);
            simd::store(slope, seen(e * (simd::load<float>(slope) - dot[v]), Vec(0.f)));
        });
}

}  // namespace tessera::kernel::attention
