#pragma once
// attention_tile: the register tiles of attention, products of a few rows with one or two vectors, all sums in
// registers.
//
//     across   c[r][v] = start + sum over i of a[r][i] b[i][v]      a by rows: scores, and what sums over queries
//     down     c[r][v] = start + sum over i of a[i][r] b[i][v]      a by columns: what sums over keys
//
// The sums run upwards in i and start from c where `onto` says so: no cut of i changes a bit. Shapes differ from those
// of gemm: K and N of 32, a begins at any row of the diagonal, and nothing is packed. 6 x 2 vectors (12 x 2 with 32
// registers) reach 91 to 94 % of the peak from L1; 3 x 4 would follow the diagonal in finer steps, but three numbers, a
// vector and twelve sums are all 16 registers, and g++ and clang spill (52 to 70 %).
//
// Shapes   a [r, depth] (across) or [depth, r] (down), b [depth, nv W], out [r, nv W], each with its distance of rows
// Cost     r nv W depth multiply-adds

#include <tessera/kernel/gemm/accumulate.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::attention {

using tile::Vec;
using tile::W;
inline constexpr std::size_t max_vectors = 2;
/// Rows of a tile of nv vectors.
constexpr std::size_t tile_rows(std::size_t nv) {
    if (nv == 1) return 12;
    return simd::has_fma_lane ? 8 : simd::registers == 32 ? 12 : 6;
}

/// A matrix: its first element, and the distance of its rows.
template <class T>
struct Rows {
    T* data;
    std::size_t ld;
    T* operator[](std::size_t row) const { return data + row * ld; }
    Rows from(std::size_t row, std::size_t column = 0) const { return {data + row * ld + column, ld}; }
    operator Rows<const T>() const { return {data, ld}; }
};

enum class ProductOrder { across, down };

/// What the sums start from, and what they are multiplied by at the end.
struct Sums {
    bool onto = false;              ///< start from what out holds
    const float* factor = nullptr;  ///< of each row, at the end
};

namespace detail {
// c += the elements x(r) times the vectors at y.
template <std::size_t Size, class X, std::size_t... V, std::size_t... M>
[[gnu::__always_inline__]] inline void step(Vec (&c)[Size], X x, const float* y, std::index_sequence<V...>,
                                            std::index_sequence<M...> all) {
    const Vec b[] = {simd::in_register<float>(simd::load(y + V * W))...};
    tile::accumulate(c, x, b, all);
}
template <ProductOrder order, std::size_t... R, std::size_t... V, std::size_t... M>
[[gnu::__always_inline__]] inline void body(std::size_t depth, Rows<const float> a, Rows<const float> b,
                                            Rows<float> out, Sums sums, std::index_sequence<R...>,
                                            std::index_sequence<V...> vectors, std::index_sequence<M...> all) {
    constexpr std::size_t NV = sizeof...(V);
    // c = out or 0
    Vec c[sizeof...(M)];
    if (sums.onto)
        ((c[M] = simd::load<float>(out.data + M / NV * out.ld + M % NV * W)), ...);
    else
        ((c[M] = Vec(0.f)), ...);
    // c += a column of a (across: of its rows, down: of its columns) times row k of b
    const float* y = b.data;
    std::size_t k = 0;
    if constexpr (order == ProductOrder::across) {
        const float* const x[] = {a.data + R * a.ld...};
        if constexpr (simd::has_fma_lane) {
            for (; k + W <= depth; k += W, y += W * b.ld)
                tile::accumulate_steps<NV>(c, x, k, tile::RowsOfVectors{y, b.ld});
            for (; k < depth; ++k, y += b.ld) step(c, tile::ColumnOfRows{x, k}, y, vectors, all);
        } else {
            for (; k + 2 <= depth; k += 2, y += 2 * b.ld) {  // two steps per iteration: 4 points
                step(c, tile::ColumnOfRows{x, k}, y, vectors, all);
                step(c, tile::ColumnOfRows{x, k + 1}, y + b.ld, vectors, all);
            }
            if (k < depth) step(c, tile::ColumnOfRows{x, k}, y, vectors, all);
        }
    } else {
        const float* x = a.data;
        for (; k + 2 <= depth; k += 2, y += 2 * b.ld, x += 2 * a.ld) {
            step(c, tile::Contiguous{x}, y, vectors, all);
            step(c, tile::Contiguous{x + a.ld}, y + b.ld, vectors, all);
        }
        if (k < depth) step(c, tile::Contiguous{x}, y, vectors, all);
    }
    // c *= factor of the row, then out = c
    if (sums.factor) ((c[M] = c[M] * Vec(sums.factor[M / NV])), ...);
    (simd::store(out.data + M / NV * out.ld + M % NV * W, c[M]), ...);
}
template <ProductOrder order, std::size_t R, std::size_t NV>
[[gnu::__noinline__]] inline void tile(std::size_t depth, Rows<const float> a, Rows<const float> b, Rows<float> out,
                                       Sums sums) {
    body<order>(depth, a, b, out, sums, std::make_index_sequence<R>{}, std::make_index_sequence<NV>{},
                std::make_index_sequence<R * NV>{});
}
template <ProductOrder order, std::size_t NV, std::size_t... R>
constexpr auto table(std::index_sequence<R...>) {
    return std::array{&tile<order, R + 1, NV>...};
}
template <ProductOrder order, std::size_t NV>
inline constexpr auto tiles = table<order, NV>(std::make_index_sequence<tile_rows(NV)>{});
}  // namespace detail

/// One tile of r <= tile_rows(nv) rows and nv <= max_vectors vectors.
template <ProductOrder order>
inline void product(std::size_t r, std::size_t nv, std::size_t depth, Rows<const float> a, Rows<const float> b,
                    Rows<float> out, Sums sums = {}) {
    if (nv == 1)
        detail::tiles<order, 1>[r - 1](depth, a, b, out, sums);
    else
        detail::tiles<order, 2>[r - 1](depth, a, b, out, sums);
}

/// f(first, count) for the fewest parts of [begin, end) of at most `most`, whose sizes differ by one at most.
template <class F>
[[gnu::__always_inline__]] inline void for_even_parts(std::size_t begin, std::size_t end, std::size_t most, F&& f) {
    if (begin >= end) return;
    const std::size_t n = end - begin, parts = ceil_div(n, most), each = n / parts, more = n % parts;
    for (std::size_t i = 0; i < parts; ++i) {
        const std::size_t count = each + (i < more);
        f(begin, count);
        begin += count;
    }
}

}  // namespace tessera::kernel::attention
