#pragma once
// The register tile: R rows times two vectors of columns, all accumulators in registers, sequential in k.
//
//     c[r][j] = start + sum over segments s, k of row(r, s)[k] * panel[at(s), k][j]
//
// A row is given in segments (a pointer each): one for a matrix, one for each tap of a convolution, which then needs no
// padding and no im2col (6 to 22 points of the peak); taps that all rows miss are left out. One lane is one output and k
// ascends, so neither the height of the tile nor the width of a vector changes a bit. R = 14 for 32 registers, 6 for 16:
// with g++ 12 rows (88 %) are slower than 14 (97 %), because pointers spill.
//
// One call takes all the tiles that share a panel: a call for each costs 3 points at K = 128 and 7 at K = 32 (Zen 3).
//
// The functions are templates over float alone so that a file that only includes them does not compile the 28 tiles.

#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

using Vec = simd::Vec<float>;
inline constexpr std::size_t W = simd::width<float>;
inline constexpr std::size_t max_rows = W == 16 ? 14 : 6;

/// What happens to a tile when its sums are complete, and what they start from.
struct End {
    const float* bias = nullptr;  ///< start value of each column; else 0
    bool accumulate = false;      ///< start from what out holds
    bool masked = false;          ///< zero where out[mask + j] <= 0: the backward pass of a relu
    std::ptrdiff_t mask = 0;
    bool plus = false;  ///< then add out[add + j], the other operand of a residual (out itself where add is 0)
    std::ptrdiff_t add = 0;
    bool relu = false;  ///< last
};

/// What a row is made of: `count` segments of `length` floats; segment s meets rows at[s] * length .. of the panel.
struct Segments {
    std::size_t count, length;
    const std::int32_t* at;
};
inline constexpr std::int32_t first_segment = 0;
/// A row in one piece.
inline Segments whole(std::size_t length) { return {1, length, &first_segment}; }

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
[[gnu::always_inline]] inline Vec unless_masked(Vec mask, Vec v) { return simd::select(mask > Vec(0.f), v, Vec(0.f)); }

// c += a column of x times two vectors. These stay in registers: g++ would read them from memory for each row (12 loads
// instead of 2; 63 instead of 97 % of the peak where the loop is unrolled).
template <std::size_t R, std::size_t NV, std::size_t... I>
[[gnu::always_inline]] inline void add_products(Vec (&c)[R * NV], const float* const* rows, std::size_t k,
                                                const float* b, std::index_sequence<I...>) {
    const Vec v[2] = {simd::in_register<float>(Vec::load_aligned(b)),
                      simd::in_register<float>(Vec::load_aligned(b + W))};
    ((c[I] = simd::fma<float>(Vec(rows[I / NV][k]), v[I % NV], c[I])), ...);
}
// With 32 registers there is room to ask for the panels that come 64 KiB later: weights that L2 does not hold come from L3
// in time (a GPT of width 256: 55 to 58 % of the peak; 16 KiB: 57, 8 KiB: 55). In floats.
inline constexpr std::size_t ahead = W == 16 ? 16 * 1024 : 0;

// Two steps at a time, because every instruction that is no product counts, most of all while the core's other thread is
// busy (K = 128, 16 registers: 94 to 97 %, busy 80 to 85; K = 256, 32 registers: 96 to 99 %, busy 65 to 68).
template <std::size_t R, std::size_t NV, std::size_t... I>
[[gnu::always_inline]] inline void add_all_products(Vec (&c)[R * NV], const float* const* rows, std::size_t length,
                                                    const float* panel, std::index_sequence<I...> all) {
    const auto ask = [](const float* p) __attribute__((always_inline)) {
        if constexpr (ahead > 0) simd::prefetch_to_l2(p + ahead), simd::prefetch_to_l2(p + ahead + W);
    };
    std::size_t k = 0;
    for (; k + 2 <= length; k += 2, panel += 4 * W) {
        ask(panel), ask(panel + 2 * W);
        add_products<R, NV>(c, rows, k, panel, all);
        add_products<R, NV>(c, rows, k + 1, panel + 2 * W, all);
    }
    if (k < length) add_products<R, NV>(c, rows, k, panel, all);
}

template <std::size_t R, std::size_t NV, std::size_t... I>
[[gnu::always_inline]] inline void forward_body(std::size_t tiles, const float* const* rows, const Segments& segments,
                                                const float* panel, float* const* out, std::size_t column,
                                                const End& end, std::index_sequence<I...> all) {
    const std::size_t length = segments.length, size = length * 2 * W;
    for (; tiles > 0; --tiles, out += R) {
        Vec c[R * NV];
        if (end.accumulate)
            ((c[I] = simd::load<float>(out[I / NV] + column + I % NV * W)), ...);
        else if (end.bias)
            ((c[I] = simd::load(end.bias + I % NV * W)), ...);
        else
            ((c[I] = Vec(0.f)), ...);
        for (std::size_t s = 0; s < segments.count; ++s, rows += R)
            add_all_products<R, NV>(c, rows, length, panel + static_cast<std::size_t>(segments.at[s]) * size, all);
        if (end.masked)
            ((c[I] = unless_masked(simd::load<float>(out[I / NV] + end.mask + column + I % NV * W), c[I])), ...);
        if (end.plus) ((c[I] = simd::load<float>(out[I / NV] + end.add + column + I % NV * W) + c[I]), ...);
        if (end.relu) ((c[I] = (simd::max)(Vec(0.f), c[I])), ...);
        (simd::store(out[I / NV] + column + I % NV * W, c[I]), ...);
    }
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
    if (end.masked) ((c[I] = unless_masked(read(out + end.mask, n, I), c[I])), ...);
    if (end.plus) ((c[I] = read(out + end.add, n, I) + c[I]), ...);
    if (end.relu) ((c[I] = (simd::max)(Vec(0.f), c[I])), ...);
    (write(out, n, I, c[I]), ...);
}

template <std::size_t R, std::size_t NV>
[[gnu::noinline]] inline void forward(std::size_t tiles, const float* const* rows, const Segments& segments,
                                      const float* panel, float* const* out, std::size_t column, const End& end) {
    forward_body<R, NV>(tiles, rows, segments, panel, out, column, end, std::make_index_sequence<R * NV>{});
}
template <std::same_as<float> T, std::size_t... R>
constexpr auto forward_table(std::index_sequence<R...>) {
    return std::array{std::array{&forward<R + 1, 1>, &forward<R + 1, 2>}...};
}
template <std::same_as<float> T>
inline constexpr auto forwards = forward_table<T>(std::make_index_sequence<max_rows>{});
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

// Whole vectors only in the bodies: a test of the width at every load and store costs as much as 10 steps of k.
template <std::same_as<float> T>
[[gnu::noinline]] inline void forward_part(std::size_t r, const T* const* rows, const Segments& segments,
                                           const T* panel, T* const* out, std::size_t column, std::size_t n, End end) {
    constexpr std::size_t size = max_rows * 2 * W;
    alignas(64) float wide[3 * size], bias[2 * W];  // the outputs, what is added to them, what masks them
    float* to[max_rows];
    for (std::size_t i = 0; i < r; ++i) to[i] = wide + i * 2 * W;
    const auto from = [&](std::ptrdiff_t at) { return [=](std::size_t i) { return out[i] + column + at; }; };
    if (end.accumulate) widen(r, n, from(0), wide);
    if (end.plus) widen(r, n, from(end.add), wide + size), end.add = size;
    if (end.masked) widen(r, n, from(end.mask), wide + 2 * size), end.mask = 2 * size;
    if (end.bias)
        widen(
            1, n, [&](std::size_t) { return end.bias; }, bias),
            end.bias = bias;
    forwards<T>[r - 1][n > W](1, rows, segments, panel, to, 0, end);
    narrow(r, n, wide, from(0));
}
}  // namespace detail

/// Tiles of r rows: out[t r + i][column + 0 .. n), i < r, n <= 2W. `rows` holds r pointers for each segment of each tile, the
/// panel has rows of 2W floats.
template <std::same_as<float> T>
inline void forward(std::size_t r, std::size_t tiles, const T* const* rows, const Segments& segments, const T* panel,
                    T* const* out, std::size_t column, std::size_t n, const End& end) {
    if (n % W == 0)
        detail::forwards<T>[r - 1][n > W](tiles, rows, segments, panel, out, column, end);
    else
        for (; tiles > 0; --tiles, rows += segments.count * r, out += r)
            detail::forward_part(r, rows, segments, panel, out, column, n, end);
}

inline constexpr std::size_t row_panels = 4;

/// out[0 .. n) of one row, n <= 2W row_panels, from that many panels of `length` rows at a distance of panel_stride.
template <std::same_as<float> T>
[[gnu::noinline]] inline void row_forward(const T* x, std::size_t length, const T* panel, std::size_t panel_stride,
                                          T* out, std::size_t n, const End& end) {
    switch ((n + 2 * W - 1) / (2 * W)) {
    case 1:
        return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<2>{});
    case 2:
        return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<4>{});
    case 3:
        return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<6>{});
    default:
        return detail::row_body(x, length, panel, panel_stride, out, n, end, std::make_index_sequence<8>{});
    }
}

/// Cuts n rows into the fewest tiles, as even as can be: `larger` tiles of `height` + 1 rows, then the rest of `height`.
struct EvenCut {
    explicit EvenCut(std::size_t n)
        : parts{(n + max_rows - 1) / max_rows}, height{parts ? n / parts : 0}, larger{n - parts * height} {}
    std::size_t begin(std::size_t i) const { return i * height + (std::min)(i, larger); }
    /// f(first row, rows of a tile, tiles) for runs of at most `most` tiles of one height.
    template <class F>
    void for_runs(std::size_t most, F&& f) const {
        for (std::size_t t = 0; t < parts;) {
            const std::size_t end = t < larger ? larger : parts, tiles = (std::min)(most, end - t);
            f(begin(t), t < larger ? height + 1 : height, tiles);
            t += tiles;
        }
    }
    std::size_t parts, height, larger;
};

}  // namespace tessera::kernel::tile
