#pragma once
// The register tile: R rows times two vectors of columns, all accumulators in registers, sequential in k.
//
//     forward   c[r][j] = start + sum over segments s, k of row(r, s)[k] * panel[s, k][j]
//     adjoint   c[i][j] += sum over rows m of a(m)[i] * g(m)[j]
//
// A row is given in segments (a pointer each): one for a matrix, one for each tap of a convolution, which then needs no
// padding and no im2col (6 to 22 points of the peak). One lane is one output and k ascends, so neither the height of
// the tile nor the width of a vector changes a bit. R = 14 for 32 registers, 6 for 16: with g++ 12 rows (88 %) are
// slower than 14 (97 %), because pointers spill.

#include <tessera/kernel/simd.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

using Vec = simd::Vec<float>;
inline constexpr std::size_t W = simd::width<float>;
inline constexpr std::size_t max_rows = W == 16 ? 14 : 6;

/// What happens to a tile when its sums are complete, and what they start from.
struct End {
    const float* bias = nullptr;  ///< start value of each column; else 0
    bool accumulate = false;      ///< start from what out holds
    bool plus = false;            ///< add out[add + j], the other operand of a residual (out itself where add is 0)
    std::ptrdiff_t add = 0;
    bool relu = false;
};

namespace detail {
// Accumulators are one array that only folds over constant indices touch, in functions that are always inlined: plain
// loops (and nested lambdas, with g++) leave the array in memory, at 35 % of the peak.
[[gnu::always_inline]] inline Vec read(const float* p, std::size_t n, std::size_t j) {
    if ((j + 1) * W <= n) return simd::load(p + j * W);
    return j * W < n ? simd::load_part(p + j * W, n - j * W) : Vec(0.f);
}
[[gnu::always_inline]] inline void write(float* p, std::size_t n, std::size_t j, Vec v) {
    if ((j + 1) * W <= n)
        simd::store(p + j * W, v);
    else if (j * W < n)
        simd::store_part(p + j * W, v, n - j * W);
}

// Whole vectors only: a test of the width at every load and store costs as much as 10 steps of k.
template <std::size_t R, std::size_t NV, std::size_t... I>
[[gnu::always_inline]] inline void forward_body(const float* const* rows, std::size_t segments, std::size_t length,
                                                const float* panel, float* const* out, const End& end,
                                                std::index_sequence<I...>) {
    Vec c[R * NV];
    if (end.accumulate)
        ((c[I] = simd::load<float>(out[I / NV] + I % NV * W)), ...);
    else if (end.bias)
        ((c[I] = simd::load(end.bias + I % NV * W)), ...);
    else
        ((c[I] = Vec(0.f)), ...);
    for (std::size_t s = 0; s < segments; ++s, rows += R)
        for (std::size_t k = 0; k < length; ++k, panel += 2 * W) {
            const Vec b[2] = {Vec::load_aligned(panel), Vec::load_aligned(panel + W)};
            ((c[I] = simd::fma<float>(Vec(rows[I / NV][k]), b[I % NV], c[I])), ...);
        }
    if (end.plus) ((c[I] = simd::load<float>(out[I / NV] + end.add + I % NV * W) + c[I]), ...);
    if (end.relu) ((c[I] = simd::max(Vec(0.f), c[I])), ...);
    (simd::store(out[I / NV] + I % NV * W, c[I]), ...);
}
template <std::size_t R, std::size_t NV, std::size_t... I>
[[gnu::always_inline]] inline void adjoint_body(const float* const* a, std::size_t offset, std::size_t rows,
                                                const float* g, std::size_t ldg, float* out, std::size_t ldo,
                                                std::index_sequence<I...>) {
    Vec c[R * NV];
    ((c[I] = simd::load<float>(out + I / NV * ldo + I % NV * W)), ...);
    for (std::size_t m = 0; m < rows; ++m, g += ldg) {
        const float* x = a[m] + offset;
        asm("" : "+r"(x));  // I / NV stays a constant displacement; g++ otherwise makes R index registers (94 to 89 %)
        const Vec b[2] = {simd::load(g), simd::load(g + W)};
        ((c[I] = simd::fma<float>(Vec(x[I / NV]), b[I % NV], c[I])), ...);
    }
    (simd::store(out + I / NV * ldo + I % NV * W, c[I]), ...);
}

// One row against P panels at once: two accumulators alone would wait for each other (4 cycles), eight keep up with
// what the caches deliver.
template <std::size_t... I>
[[gnu::always_inline]] inline void row_body(const float* x, std::size_t length, const float* panel,
                                            std::size_t panel_stride, float* out, std::size_t n, const End& end,
                                            std::index_sequence<I...>) {
    Vec c[sizeof...(I)];
    if (end.bias)
        ((c[I] = read(end.bias, n, I)), ...);
    else
        ((c[I] = Vec(0.f)), ...);
    for (std::size_t k = 0; k < length; ++k, panel += 2 * W) {
        const Vec a(x[k]);
        ((c[I] = simd::fma<float>(a, Vec::load_aligned(panel + I / 2 * panel_stride + I % 2 * W), c[I])), ...);
    }
    if (end.plus) ((c[I] = read(out + end.add, n, I) + c[I]), ...);
    if (end.relu) ((c[I] = simd::max(Vec(0.f), c[I])), ...);
    (write(out, n, I, c[I]), ...);
}

template <std::size_t R, std::size_t NV>
[[gnu::noinline]] inline void forward(const float* const* rows, std::size_t segments, std::size_t length,
                                      const float* panel, float* const* out, const End& end) {
    forward_body<R, NV>(rows, segments, length, panel, out, end, std::make_index_sequence<R * NV>{});
}
template <std::size_t R, std::size_t NV>
[[gnu::noinline]] inline void adjoint(const float* const* a, std::size_t offset, std::size_t rows, const float* g,
                                      std::size_t ldg, float* out, std::size_t ldo) {
    adjoint_body<R, NV>(a, offset, rows, g, ldg, out, ldo, std::make_index_sequence<R * NV>{});
}

template <std::size_t... R>
constexpr auto forward_table(std::index_sequence<R...>) {
    return std::array{std::array{&forward<R + 1, 1>, &forward<R + 1, 2>}...};
}
template <std::size_t... R>
constexpr auto adjoint_table(std::index_sequence<R...>) {
    return std::array{std::array{&adjoint<R + 1, 1>, &adjoint<R + 1, 2>}...};
}
}  // namespace detail

namespace detail {
inline constexpr auto forwards = forward_table(std::make_index_sequence<max_rows>{});
inline constexpr auto adjoints = adjoint_table(std::make_index_sequence<max_rows>{});

// Rows of n floats, one below the other, as rows of whole vectors, and back.
template <class Row>
inline void widen(std::size_t r, std::size_t n, Row&& row, float* wide) {
    for (std::size_t i = 0; i < r; ++i)
        for (std::size_t j = 0; j < 2; ++j) simd::store(wide + (2 * i + j) * W, read(row(i), n, j));
}
template <class Row>
inline void narrow(std::size_t r, std::size_t n, const float* wide, Row&& row) {
    for (std::size_t i = 0; i < r; ++i)
        for (std::size_t j = 0; j < 2; ++j) write(row(i), n, j, simd::load(wide + (2 * i + j) * W));
}

[[gnu::noinline]] inline void forward_part(std::size_t r, const float* const* rows, std::size_t segments,
                                           std::size_t length, const float* panel, float* const* out, std::size_t n,
                                           End end) {
    constexpr std::size_t size = max_rows * 2 * W;
    alignas(64) float wide[2 * size], bias[2 * W];  // the outputs, then what is added to them
    float* to[max_rows];
    for (std::size_t i = 0; i < r; ++i) to[i] = wide + i * 2 * W;
    if (end.accumulate) widen(r, n, [&](std::size_t i) { return out[i]; }, wide);
    if (end.plus) widen(r, n, [&](std::size_t i) { return out[i] + end.add; }, wide + size), end.add = size;
    if (end.bias) widen(1, n, [&](std::size_t) { return end.bias; }, bias), end.bias = bias;
    forwards[r - 1][n > W](rows, segments, length, panel, to, end);
    narrow(r, n, wide, [&](std::size_t i) { return out[i]; });
}
[[gnu::noinline]] inline void adjoint_part(std::size_t r, const float* const* a, std::size_t offset, std::size_t rows,
                                           const float* g, std::size_t ldg, float* out, std::size_t ldo, std::size_t n) {
    alignas(64) float wide[max_rows * 2 * W];
    const auto row = [&](std::size_t i) { return out + i * ldo; };
    widen(r, n, row, wide);
    adjoints[r - 1][n > W](a, offset, rows, g, ldg, wide, 2 * W);
    narrow(r, n, wide, row);
}
}  // namespace detail

/// out[r][0 .. n) for r < R, n <= 2W: rows holds `segments` times R pointers to `length` floats, panel
/// segments * length rows of 2W floats.
inline void forward(std::size_t r, const float* const* rows, std::size_t segments, std::size_t length,
                    const float* panel, float* const* out, std::size_t n, const End& end) {
    if (n % W == 0)
        detail::forwards[r - 1][n > W](rows, segments, length, panel, out, end);
    else
        detail::forward_part(r, rows, segments, length, panel, out, n, end);
}

inline constexpr std::size_t row_panels = 4;

/// out[0 .. n) of one row, n <= 2W row_panels, from that many panels of `length` rows at a distance of panel_stride.
[[gnu::noinline]] inline void row_forward(const float* x, std::size_t length, const float* panel,
                                          std::size_t panel_stride, float* out, std::size_t n, const End& end) {
    switch ((n + 2 * W - 1) / (2 * W)) {
        case 1: return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<2>{});
        case 2: return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<4>{});
        case 3: return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<6>{});
        default: return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<8>{});
    }
}

/// out[i][0 .. n) += sum over m < rows of a[m][offset + i] * g[m][0 .. n), i < R. g is read 2W wide.
inline void adjoint(std::size_t r, const float* const* a, std::size_t offset, std::size_t rows, const float* g,
                    std::size_t ldg, float* out, std::size_t ldo, std::size_t n) {
    if (n % W == 0)
        detail::adjoints[r - 1][n > W](a, offset, rows, g, ldg, out, ldo);
    else
        detail::adjoint_part(r, a, offset, rows, g, ldg, out, ldo, n);
}

/// Cuts n into the fewest parts of at most max_rows, as even as can be: part i of `parts` is [begin(i), begin(i + 1)).
struct EvenCut {
    explicit EvenCut(std::size_t n) : total{n}, parts{(n + max_rows - 1) / max_rows} {}
    std::size_t begin(std::size_t i) const { return total * i / parts; }
    std::size_t total, parts;
};

}  // namespace tessera::kernel::tile
