#pragma once
// accumulate: one step of a register tile, the outer product of a column of a and a row of b.
//
//     c[r][v] = fma(a(r), b[v], c[r][v])      for all R rows and NV vectors of the tile
//     accumulate_steps                        W such steps, k .. k + W - 1, of rows of a that are read as vectors
//
// The accumulators are one array c[r * NV + v] that only folds over constant indices touch, in functions that are
// always inlined: with plain loops (and, with g++, nested lambdas that capture the array) it stays in memory, at 35 %
// of the peak.
//
// x86 loads and broadcasts a number of a in one instruction. AArch64 takes the factor of a product from any lane of a
// register (simd::fma_lane), so there a is read as vectors, a quarter of the loads: W elements of a row, which serve W
// steps, or the neighbours x[0 .. R), of which the last vector ends at x[R - 1].
//
// Shapes   a(r): the number of row r, broadcast to all lanes (ColumnOfRows, Contiguous); b [NV] vectors, or b(s, v): a
//          pointer to vector v of step s; c [R NV] vectors
// Cost     R NV multiply-adds of whole vectors, R broadcasts (AArch64, but for tails: none, and R / W loads of a)

#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

using Vec = simd::Vec<float>;
inline constexpr std::size_t W = simd::width<float>;

/// a(r) = rows[r][k]
struct ColumnOfRows {
    const float* const* rows;
    std::size_t k;
    [[gnu::__always_inline__]] float operator()(std::size_t r) const { return rows[r][k]; }
};
/// a(r) = x[r]
struct Contiguous {
    const float* x;
    [[gnu::__always_inline__]] float operator()(std::size_t r) const { return x[r]; }
};
/// b(s, v) = b + s * ld + v W: rows of vectors side by side.
struct RowsOfVectors {
    const float* b;
    std::size_t ld;
    [[gnu::__always_inline__]] const float* operator()(std::size_t s, std::size_t v) const {
        return b + s * ld + v * W;
    }
};

namespace detail {
// Of the vectors that hold x[0 .. rows): where vector v begins, and the lane of x[r]. The last one ends at x[rows - 1].
constexpr std::size_t vector_begin(std::size_t rows, std::size_t v) { return v * W + W <= rows ? v * W : rows - W; }
constexpr std::size_t lane_of(std::size_t rows, std::size_t r) { return r - vector_begin(rows, r / W); }

template <std::size_t NV, std::size_t Size, std::size_t... V, std::size_t... M>
[[gnu::__always_inline__]] inline void accumulate_lanes(Vec (&c)[Size], const float* x, const Vec (&b)[NV],
                                                        std::index_sequence<V...>, std::index_sequence<M...>) {
    constexpr std::size_t R = Size / NV;
    const Vec a[] = {simd::load(x + vector_begin(R, V))...};
    ((c[M] = simd::fma_lane<lane_of(R, M / NV)>(a[M / NV / W], b[M % NV], c[M])), ...);
}
// One vector of a step at a time: clang holds all vectors that are loaded before the first product.
template <std::size_t step, std::size_t v, std::size_t NV, std::size_t Size, std::size_t... R>
[[gnu::__always_inline__]] inline void accumulate_vector(Vec (&c)[Size], const Vec (&a)[Size / NV], const float* b,
                                                         std::index_sequence<R...>) {
    const Vec x = simd::load(b);
    ((c[R * NV + v] = simd::fma_lane<step>(a[R], x, c[R * NV + v])), ...);
}
template <std::size_t step, std::size_t Size, std::size_t R, class B, std::size_t... V>
[[gnu::__always_inline__]] inline void accumulate_step(Vec (&c)[Size], const Vec (&a)[R], const B& b,
                                                       std::index_sequence<V...>) {
    (accumulate_vector<step, V, sizeof...(V)>(c, a, b(step, V), std::make_index_sequence<R>{}), ...);
}
template <std::size_t Size, class B, std::size_t... R, std::size_t... S, std::size_t... V>
[[gnu::__always_inline__]] inline void accumulate_rows(Vec (&c)[Size], const float* const* rows, std::size_t k,
                                                       const B& b, std::index_sequence<R...>, std::index_sequence<S...>,
                                                       std::index_sequence<V...> vectors) {
    const Vec a[] = {simd::load(rows[R] + k)...};
    (accumulate_step<S>(c, a, b, vectors), ...);
}
}  // namespace detail

template <std::size_t NV, std::size_t Size, class A, std::size_t... M>
[[gnu::__always_inline__]] inline void accumulate(Vec (&c)[Size], A a, const Vec (&b)[NV],
                                                  std::index_sequence<M...> all) {
    static_assert(Size % NV == 0 && sizeof...(M) == Size);
    if constexpr (simd::has_fma_lane && std::same_as<A, Contiguous> && Size / NV >= W)
        detail::accumulate_lanes(c, a.x, b, std::make_index_sequence<ceil_div(Size / NV, W)>{}, all);
    else
        ((c[M] = simd::fma<float>(Vec(a(M / NV)), b[M % NV], c[M])), ...);
}
/// Steps k .. k + W - 1 of rows[0 .. R): c[r][v] = fma(rows[r][k + s], vector v of step s, c[r][v]), s in order.
template <std::size_t NV, std::size_t Size, class B>
[[gnu::__always_inline__]] inline void accumulate_steps(Vec (&c)[Size], const float* const* rows, std::size_t k,
                                                        const B& b) {
    static_assert(Size % NV == 0);
    detail::accumulate_rows(c, rows, k, b, std::make_index_sequence<Size / NV>{}, std::make_index_sequence<W>{},
                            std::make_index_sequence<NV>{});
}

}  // namespace tessera::kernel::tile
