#pragma once
// The register tiles of attention: products of a few rows with one or two vectors, all sums in registers.
//
//     across   c[r][v] = start + sum over i of a[r][i] b[i][v]      a by rows: scores, and what sums over queries
//     down     c[r][v] = start + sum over i of a[i][r] b[i][v]      a by columns: what sums over keys
//
// The sums run upwards in i and go on from c where `onto` says so: no cut of i changes a bit. Shapes differ from those
// of gemm: K and N of 32, a begins at any row of the diagonal, and nothing is packed. 6 x 2 vectors (12 x 2 with 32
// registers) reach 91 to 94 % of the peak from L1; 3 x 4 would follow the diagonal in finer steps, but three numbers, a
// vector and twelve sums are all 16 registers, and g++ and clang spill (52 to 70 %).

#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::attention {

using Vec = simd::Vec<float>;
inline constexpr std::size_t W = simd::width<float>;
inline constexpr std::size_t most_vectors = 2;
/// Rows of a tile of nv vectors.
constexpr std::size_t tile_rows(std::size_t nv) { return W == 16 || nv == 1 ? 12 : 6; }

/// Where a matrix begins and how far apart its rows are.
template <class T>
struct Rows {
    T* at;
    std::size_t ld;
    T* operator[](std::size_t row) const { return at + row * ld; }
    Rows from(std::size_t row, std::size_t column = 0) const { return {at + row * ld + column, ld}; }
    operator Rows<const T>() const { return {at, ld}; }
};

enum class Order { across, down };

/// What the sums start from and what becomes of them.
struct Sums {
    bool onto = false;              ///< go on from what c holds
    const float* factor = nullptr;  ///< of each row, at the end
};

namespace detail {
// One array of sums that only folds over constant indices touch, in functions that are always inlined (see tile.hpp).
template <std::size_t... V>
[[gnu::always_inline]] inline void add_row(Vec* c, Vec x, const Vec* y, std::index_sequence<V...>) {
    ((c[V] = simd::fma<float>(x, y[V], c[V])), ...);
}
template <std::size_t... R, std::size_t... V>
[[gnu::always_inline]] inline void step(Vec* c, const float* const* x, std::size_t k, const float* y,
                                        std::index_sequence<R...>, std::index_sequence<V...> vectors) {
    const Vec b[] = {simd::in_register<float>(simd::load(y + V * W))...};
    (add_row(c + R * sizeof...(V), Vec(x[R][k]), b, vectors), ...);
}
template <Order order, std::size_t... R, std::size_t... V, std::size_t... I>
[[gnu::always_inline]] inline void body(std::size_t depth, Rows<const float> a, Rows<const float> b, Rows<float> out,
                                        Sums sums, std::index_sequence<R...> rows, std::index_sequence<V...> vectors,
                                        std::index_sequence<I...>) {
    constexpr std::size_t NV = sizeof...(V);
    Vec c[sizeof...(I)];
    if (sums.onto)
        ((c[I] = simd::load<float>(out.at + I / NV * out.ld + I % NV * W)), ...);
    else
        ((c[I] = Vec(0.f)), ...);
    const float* y = b.at;
    std::size_t k = 0;
    if constexpr (order == Order::across) {
        const float* const x[] = {a.at + R * a.ld...};
        for (; k + 2 <= depth; k += 2, y += 2 * b.ld) {  // two steps at a time: 4 points
            step(c, x, k, y, rows, vectors);
            step(c, x, k + 1, y + b.ld, rows, vectors);
        }
        if (k < depth) step(c, x, k, y, rows, vectors);
    } else {
        const float* at = a.at;
        for (; k + 2 <= depth; k += 2, y += 2 * b.ld, at += 2 * a.ld) {
            const float* const x[] = {at + R...};
            step(c, x, 0, y, rows, vectors);
            step(c, x, a.ld, y + b.ld, rows, vectors);
        }
        const float* const x[] = {at + R...};
        if (k < depth) step(c, x, 0, y, rows, vectors);
    }
    if (sums.factor) ((c[I] = c[I] * Vec(sums.factor[I / NV])), ...);
    (simd::store(out.at + I / NV * out.ld + I % NV * W, c[I]), ...);
}
template <Order order, std::size_t R, std::size_t NV>
[[gnu::noinline]] inline void tile(std::size_t depth, Rows<const float> a, Rows<const float> b, Rows<float> out,
                                   Sums sums) {
    body<order>(depth, a, b, out, sums, std::make_index_sequence<R>{}, std::make_index_sequence<NV>{},
                std::make_index_sequence<R * NV>{});
}
template <Order order, std::size_t NV, std::size_t... R>
constexpr auto table(std::index_sequence<R...>) {
    return std::array{&tile<order, R + 1, NV>...};
}
template <Order order, std::size_t NV>
inline constexpr auto tiles = table<order, NV>(std::make_index_sequence<tile_rows(NV)>{});
}  // namespace detail

/// One tile of r <= tile_rows(nv) rows and nv <= most_vectors vectors.
template <Order order>
inline void product(std::size_t r, std::size_t nv, std::size_t depth, Rows<const float> a, Rows<const float> b,
                    Rows<float> out, Sums sums = {}) {
    if (nv == 1)
        detail::tiles<order, 1>[r - 1](depth, a, b, out, sums);
    else
        detail::tiles<order, 2>[r - 1](depth, a, b, out, sums);
}

/// f(first, count) for the fewest even parts of [begin, end) of at most `most`.
template <class F>
[[gnu::always_inline]] inline void even_parts(std::size_t begin, std::size_t end, std::size_t most, F&& f) {
    if (begin >= end) return;
    const std::size_t n = end - begin, parts = (n + most - 1) / most, each = n / parts, more = n % parts;
    for (std::size_t i = 0; i < parts; ++i) {
        const std::size_t count = each + (i < more);
        f(begin, count);
        begin += count;
    }
}

}  // namespace tessera::kernel::attention
