#pragma once
// accumulate: one step of a register tile, the outer product of a column of a and a row of b.
//
//     c[r][v] = fma(a(r), b[v], c[r][v])      for all R rows and NV vectors of the tile
//
// The accumulators are one array c[r * NV + v] that only folds over constant indices touch, in functions that are
// always inlined: with plain loops (and, with g++, nested lambdas that capture the array) it stays in memory, at 35 %
// of the peak.
//
// Shapes   a(r): the number of row r, broadcast to all lanes (ColumnOfRows, Contiguous); b [NV] vectors; c [R NV]
//          vectors
// Cost     R NV multiply-adds of whole vectors, R broadcasts

#include <tessera/kernel/simd/simd.hpp>

#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

using Vec = simd::Vec<float>;
inline constexpr std::size_t W = simd::width<float>;

/// a(r) = rows[r][k]
struct ColumnOfRows {
    const float* const* rows;
    std::size_t k;
    [[gnu::always_inline]] float operator()(std::size_t r) const { return rows[r][k]; }
};
/// a(r) = x[r]
struct Contiguous {
    const float* x;
    [[gnu::always_inline]] float operator()(std::size_t r) const { return x[r]; }
};

template <std::size_t NV, std::size_t Size, class A, std::size_t... I>
[[gnu::always_inline]] inline void accumulate(Vec (&c)[Size], A a, const Vec (&b)[NV], std::index_sequence<I...>) {
    static_assert(Size % NV == 0 && sizeof...(I) == Size);
    ((c[I] = simd::fma<float>(Vec(a(I / NV)), b[I % NV], c[I])), ...);
}

}  // namespace tessera::kernel::tile
