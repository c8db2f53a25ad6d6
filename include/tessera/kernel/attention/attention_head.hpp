#pragma once
// attention_head: causal attention of one head in float; formulas in attention.hpp.
//
// Forward computes all scores of a block of queries first. Then, 72 keys at a time, it computes their exponentials (to
// base 2: the factor log2 e is in the queries) and adds their share to o, which is divided by the sum after the last
// key.
//
// Backward takes 48 keys and 2 blocks of queries at a time and computes P again from the largest score. The factor
// scale / sum is applied to do where it is transposed into lanes, 1 / sum to the rows of do that dv sums, so no pair of
// query and key is multiplied by either.
//
// Every sum is one chain in the order of its keys or queries, wherever blocks are cut, so the sizes here change no bit.
//
// Shapes   q, k, v, o, dq, dk, dv [tokens, round_up(d, W)], zeros from d on
// Cost     as in attention.hpp; scratch: forward_scratch, backward_scratch elements

#include <tessera/kernel/attention/attention_lanes.hpp>
#include <tessera/kernel/simd/round_up.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>

namespace tessera::inline TESSERA_ABI::kernel::attention {

inline constexpr float log2_e = 1.44269504f;
inline constexpr std::size_t keys_at_once = 72, keys_backward = 48, blocks_backward = 2;
inline constexpr std::size_t held_lanes = blocks_backward * block_lanes;

/// The matrices of queries, keys and values, or of their gradients.
template <class T>
struct Triple {
    Rows<T> q, k, v;
};
/// The largest score and 1 / sum of exponentials of each query.
template <class T>
struct SoftmaxStatistics {
    T *largest, *inverse;
};

/// f(first, nv) for d columns, two vectors at a time and one at the end.
template <class F>
[[gnu::__always_inline__]] inline void for_vectors(std::size_t d, F&& f) {
    for (std::size_t at = 0; at < d; at += max_vectors * W) f(at, at + W < d ? std::size_t{2} : std::size_t{1});
}

constexpr std::size_t forward_scratch(std::size_t tokens, std::size_t d) {
    return (round_up(d, W) + tokens) * block_lanes;
}

/// Rows are whole vectors long, zero from d on. Writes o and stats.
template <std::same_as<float> T>
inline void forward(std::size_t tokens, std::size_t d, Triple<const T> in, Rows<T> o, SoftmaxStatistics<float> stats,
                    float* scratch) {
    alignas(64) float scale[block_lanes], largest[block_lanes], sum[block_lanes], inverse[block_lanes];
    std::fill_n(scale, block_lanes, log2_e / std::sqrt(static_cast<float>(d)));
    const std::size_t padded = round_up(d, W);
    const Rows<float> s{scratch + padded * block_lanes, block_lanes};
    for (std::size_t i = 0; i < block_count(tokens); ++i) {
        const Block b(tokens, i);
        // q of the block as lanes, times log2 e / sqrt d
        queries_to_lanes(in.q, b, padded, scale, scratch);
        std::fill_n(largest, block_lanes, -std::numeric_limits<float>::infinity());
        std::fill_n(sum, block_lanes, 0.f);
        // S = q k^T, and the largest score of each query
        for (std::size_t key = 0; key < b.end; key += keys_at_once) {
            const std::size_t stop = (std::min)(key + keys_at_once, b.end);
            scores(in.k, d, scratch, b.first, key, stop, s.from(key));
            find_largest(s[key], b.first, key, stop, largest);
        }
        // P = 2^(S - largest) and its sums, then o += P v; o / sum with the last key that a tile of queries sees
        for (std::size_t key = 0; key < b.end; key += keys_at_once) {
            const std::size_t stop = (std::min)(key + keys_at_once, b.end);
            exp_and_sum(s[key], b.first, key, stop, largest, sum);
            for (std::size_t v = 0; v < block_lanes; v += W)
                simd::store(inverse + v, simd::divide(Vec(1.f), simd::load<float>(sum + v)));
            for_vectors(padded, [&](std::size_t at, std::size_t nv) {
                for_even_parts(b.begin, b.end, tile_rows(nv), [&](std::size_t t, std::size_t n) {
                    if (t + n <= key) return;
                    const std::size_t last = (std::min)(key + keys_at_once, t + n);
                    product<ProductOrder::down>(
                        n, nv, last - key, s.from(key, b.lane(t)), in.v.from(key, at), o.from(t, at),
                        {.onto = key > 0, .factor = last == t + n ? inverse + b.lane(t) : nullptr});
                });
            });
        }
        // the statistics for backward
        std::copy(largest + b.lane(b.begin), largest + block_lanes, stats.largest + b.begin);
        std::copy(inverse + b.lane(b.begin), inverse + block_lanes, stats.inverse + b.begin);
    }
}

constexpr std::size_t backward_scratch(std::size_t tokens, std::size_t d) {
    const std::size_t all = block_count(tokens) * block_lanes;
    return (2 * all + block_lanes + tokens) * round_up(d, W) + 2 * all + 2 * keys_backward * held_lanes;
}

namespace detail {
/// What backward needs of the queries, computed once per head.
struct QueryLanes {
    float *q, *dy;          ///< blocks of round_up(d, W) x block_lanes: q log2 e / sqrt d and do scale / sum
    float *largest, *dots;  ///< lanes of all blocks; dots: do . o scale / sum
    Rows<float> dy_rows;    ///< do / sum
};
inline void fill(const QueryLanes& to, std::size_t tokens, std::size_t d, Rows<const float> q, Rows<const float> o,
                 Rows<const float> dy, SoftmaxStatistics<const float> stats, float* scratch) {
    const std::size_t padded = round_up(d, W);
    const float root = 1 / std::sqrt(static_cast<float>(d));
    alignas(64) float scale[block_lanes], one[block_lanes], factor[block_lanes] = {};
    std::fill_n(scale, block_lanes, log2_e * root);
    std::fill_n(one, block_lanes, 1.f);
    // for each block of queries: q and do as lanes, the largest scores, and do . o
    for (std::size_t i = 0; i < block_count(tokens); ++i) {
        const Block b(tokens, i);
        for (std::size_t t = b.begin; t < b.end; ++t) {
            factor[b.lane(t)] = stats.inverse[t] * root;
            to.largest[i * block_lanes + b.lane(t)] = stats.largest[t];
        }
        float* columns = to.dy + i * padded * block_lanes;
        queries_to_lanes(q, b, padded, scale, to.q + i * padded * block_lanes);
        queries_to_lanes(dy, b, padded, factor, columns);
        queries_to_lanes(o, b, padded, one, scratch);
        for (std::size_t v = 0; v < block_lanes; v += W) {
            Vec dot(0.f);
            for (std::size_t c = v; c < d * block_lanes; c += block_lanes)
                dot = simd::fma<float>(simd::load<float>(scratch + c), simd::load<float>(columns + c), dot);
            simd::store(to.dots + i * block_lanes + v, dot);
        }
    }
    // the rows of do / sum
    for (std::size_t t = 0; t < tokens; ++t) {
        const Vec inverse(stats.inverse[t]);
        for (std::size_t c = 0; c < padded; c += W) simd::store(to.dy_rows[t] + c, inverse * simd::load(dy[t] + c));
    }
}
}  // namespace detail

/// dv = P^T do, dk = dS^T q, dq = dS k; rows of `out` are written, not added to.
template <std::same_as<float> T>
inline void backward(std::size_t tokens, std::size_t d, Triple<const T> in, Rows<const T> o, Rows<const T> dy,
                     Triple<T> out, SoftmaxStatistics<const float> stats, float* scratch) {
    const std::size_t padded = round_up(d, W), panel = padded * block_lanes, blocks = block_count(tokens);
    const auto take = [&](std::size_t n) {
        float* at = scratch;
        scratch += n;
        return at;
    };
    const detail::QueryLanes lane{take(blocks * panel),
                                  take(blocks * panel),
                                  take(blocks * block_lanes),
                                  take(blocks * block_lanes),
                                  {take(tokens * padded), padded}};
    const Rows<float> p{take(keys_backward * held_lanes), held_lanes}, ds{take(keys_backward * held_lanes), held_lanes};
    detail::fill(lane, tokens, d, in.q, o, dy, stats, take(panel));
    // 48 keys at a time against 2 blocks of queries at a time that see any of them
    for (std::size_t key = 0; key < tokens; key += keys_backward) {
        const std::size_t stop = (std::min)(key + keys_backward, tokens);
        for (std::size_t i = 0; i < blocks; i += blocks_backward) {
            const std::size_t after = (std::min)(i + blocks_backward, blocks);
            const Block held(tokens, i);
            const std::size_t end = Block(tokens, after - 1).end;  // the last query held, and the last key it sees
            if (end <= key) continue;
            for (std::size_t n = i; n < after; ++n) {
                const Block b(tokens, n);
                if (b.end <= key) continue;
                const std::size_t seen = (std::min)(stop, b.end), column = (n - i) * block_lanes;
                const Rows<float> bp = p.from(0, column), bds = ds.from(0, column);
                // S = q k^T and dP = do v^T of the block, then P and dS in their place
                scores(in.k, d, lane.q + n * panel, b.first, key, seen, bp);
                scores(in.v, d, lane.dy + n * panel, b.first, key, seen, bds);
                exp_and_score_gradient(bp, bds, b.first, key, seen, lane.largest + n * block_lanes,
                                       lane.dots + n * block_lanes);
                // P = dS = 0 for keys after the block: a tile that straddles its end reads tile_rows(1) - 1 at most
                const std::size_t zeros_end = (std::min)(stop, seen + tile_rows(1) - 1);
                for (std::size_t j = seen; j < zeros_end; ++j)
                    for (std::size_t v = 0; v < block_lanes; v += W) {
                        simd::store(bp[j - key] + v, Vec(0.f));
                        simd::store(bds[j - key] + v, Vec(0.f));
                    }
            }
            for_vectors(padded, [&](std::size_t at, std::size_t nv) {
                // dv += P^T do and dk += dS^T q for n keys from j on, over queries t .. end
                const auto over_queries = [&](std::size_t j, std::size_t n, std::size_t t, bool onto) {
                    product<ProductOrder::across>(n, nv, end - t, p.from(j - key, held.lane(t)),
                                                  lane.dy_rows.from(t, at), out.v.from(j, at), {.onto = onto});
                    product<ProductOrder::across>(n, nv, end - t, ds.from(j - key, held.lane(t)), in.q.from(t, at),
                                                  out.k.from(j, at), {.onto = onto});
                };
                const std::size_t older = std::clamp(held.begin, key, stop);  // keys that earlier queries have seen
                for_even_parts(key, older, tile_rows(nv),
                               [&](std::size_t j, std::size_t n) { over_queries(j, n, held.begin, true); });
                for_even_parts(older, (std::min)(stop, end), tile_rows(nv),
                               [&](std::size_t j, std::size_t n) { over_queries(j, n, j, false); });
                // dq += dS k for the queries of the blocks, over these keys
                for_even_parts((std::max)(held.begin, key), end, tile_rows(nv), [&](std::size_t t, std::size_t n) {
                    product<ProductOrder::down>(n, nv, (std::min)(stop, t + n) - key, ds.from(0, held.lane(t)),
                                                in.k.from(key, at), out.q.from(t, at), {.onto = key > 0});
                });
            });
        }
    }
}

}  // namespace tessera::kernel::attention
