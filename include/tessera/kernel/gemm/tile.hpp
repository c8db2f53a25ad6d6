#pragma once
// tile: the register tile of all products, R rows times two vectors of columns, all accumulators in registers.
//
//     c[r][j] = start + sum over segments s and k of row(r, s)[k] * panel[at(s), k][j]
//
// A row is given in segments, one pointer each: one for a matrix, one for each tap of a convolution, which then needs
// neither padding nor im2col (6 to 22 points of the peak); taps that all rows of a tile miss are left out. One lane is
// one output and k ascends, so neither the height of the tile nor the width of a vector changes a bit.
//
// R is 14 with AVX-512, 8 with NEON and 6 with AVX2 (tile_shape.hpp). One call computes all tiles that share a panel:
// one call per tile costs 3 points at K = 128 and 7 at K = 32 (Zen 3).
//
// The functions are templates whose only argument is float, so that a file which includes this header without using it
// does not compile the 12 tiles (28 with AVX-512, 16 with NEON).
//
// Shapes   rows [tiles][segments][R] pointers to `length` floats; panel [k][2W]; out [tiles][R] pointers to rows of n
//          <= 2W
// Cost     R k n multiply-adds per tile, n rounded up to whole vectors

#include <tessera/kernel/gemm/accumulate.hpp>
#include <tessera/kernel/gemm/tile_shape.hpp>
#include <tessera/kernel/simd/pad_rows.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

/// What the sums of a tile start from, and what happens to them when they are complete, in this order.
struct TileEpilogue {
    const float* bias = nullptr;  ///< the sums of column j start from bias[j]; from 0 without
    const float* y = nullptr;     ///< start of the array that `out` points into; mask and add are laid out as it
    const float* mask = nullptr;  ///< zero where mask[out - y + j] <= 0: the backward pass of a relu
    const float* add = nullptr;   ///< add add[out - y + j], the other operand of a residual; may be y
    bool relu = false;            ///< max(0, .) last
};

/// What a row is made of: `count` segments of `length` floats; segment s meets rows place[s] * length .. of the panel.
struct Segments {
    std::size_t count, length;
    const std::int32_t* place;
};
inline constexpr std::int32_t first_segment = 0;
/// A row in one piece.
inline Segments one_segment(std::size_t length) { return {1, length, &first_segment}; }

namespace detail {
[[gnu::__always_inline__]] inline Vec unless_masked(Vec mask, Vec v) {
    return simd::select(mask > Vec(0.f), v, Vec(0.f));
}

// c += column k of the rows times row b of the panel. Its two vectors are forced into registers: g++ would read them
// from memory for each row (12 loads instead of 2; 63 instead of 97 % of the peak where the loop is unrolled).
template <std::size_t R, std::size_t NV, std::size_t... M>
[[gnu::__always_inline__]] inline void add_products(Vec (&c)[R * NV], const float* const* rows, std::size_t k,
                                                    const float* b, std::index_sequence<M...> all) {
    if constexpr (NV == 1) {
        const Vec v[] = {simd::in_register<float>(Vec::load_aligned(b))};
        accumulate(c, ColumnOfRows{rows, k}, v, all);
    } else {
        const Vec v[] = {simd::in_register<float>(Vec::load_aligned(b)),
                         simd::in_register<float>(Vec::load_aligned(b + W))};
        accumulate(c, ColumnOfRows{rows, k}, v, all);
    }
}
// Distance of the prefetch, in floats. With 32 registers there is room to prefetch the panel 64 KiB ahead, so that
// weights which L2 does not hold arrive from L3 in time (a GPT of width 256: 55 to 58 % of the peak; 16 KiB: 57, 8 KiB:
// 55).
inline constexpr std::size_t ahead = W == 16 ? 16 * 1024 : 0;

// c += rows (R x length) * panel (length x 2W). Two steps per iteration, because every instruction that is not a
// product counts, most of all while the sibling hyperthread is busy (K = 128, 16 registers: 94 to 97 % of the peak,
// with a busy sibling 80 to 85; K = 256, 32 registers: 96 to 99 %, busy 65 to 68).
template <std::size_t R, std::size_t NV, std::size_t... M>
[[gnu::__always_inline__]] inline void add_all_products(Vec (&c)[R * NV], const float* const* rows, std::size_t length,
                                                        const float* panel, std::index_sequence<M...> all) {
    std::size_t k = 0;
    if constexpr (simd::has_fma_lane) {
        for (; k + W <= length; k += W, panel += 2 * W * W)
            accumulate_steps<NV>(c, rows, k, RowsOfVectors{panel, 2 * W});
        for (; k < length; ++k, panel += 2 * W) add_products<R, NV>(c, rows, k, panel, all);
    } else {
        const auto prefetch_ahead = [](const float* p) __attribute__((__always_inline__)) {
            if constexpr (ahead > 0) {
                simd::prefetch_to_l2(p + ahead);
                simd::prefetch_to_l2(p + ahead + W);
            }
        };
        for (; k + 2 <= length; k += 2, panel += 4 * W) {
            prefetch_ahead(panel);
            prefetch_ahead(panel + 2 * W);
            add_products<R, NV>(c, rows, k, panel, all);
            add_products<R, NV>(c, rows, k + 1, panel + 2 * W, all);
        }
        if (k < length) add_products<R, NV>(c, rows, k, panel, all);
    }
}

// out = relu((mask > 0 ? c : 0) + add), where given
template <std::size_t NV, std::size_t Size, std::size_t... M>
[[gnu::__always_inline__]] inline void store_tile(Vec (&c)[Size], float* const* out, std::size_t column,
                                                  const TileEpilogue& epilogue, std::index_sequence<M...>) {
    const auto as_out = [&](const float* p, std::size_t i) __attribute__((__always_inline__)) {
        return p + (out[i / NV] - epilogue.y) + column + i % NV * W;
    };
    if (epilogue.mask) ((c[M] = unless_masked(simd::load<float>(as_out(epilogue.mask, M)), c[M])), ...);
    if (epilogue.add) ((c[M] = simd::load<float>(as_out(epilogue.add, M)) + c[M]), ...);
    if (epilogue.relu) ((c[M] = (simd::max)(Vec(0.f), c[M])), ...);
    (simd::store(out[M / NV] + column + M % NV * W, c[M]), ...);
}

// The tiles that share a panel, one after the other: start, products, epilogue, store.
template <std::size_t R, std::size_t NV, std::size_t... M>
[[gnu::__always_inline__]] inline void
forward_body(std::size_t tiles, const float* const* rows, const Segments& segments, const float* panel,
             float* const* out, std::size_t column, const TileEpilogue& epilogue, std::index_sequence<M...> all) {
    const std::size_t length = segments.length, size = length * 2 * W;
    for (; tiles > 0; --tiles, out += R) {
        // c = bias or 0
        Vec c[R * NV];
        if (epilogue.bias)
            ((c[M] = simd::load(epilogue.bias + M % NV * W)), ...);
        else
            ((c[M] = Vec(0.f)), ...);
        // c += segment s of the rows * its rows of the panel
        for (std::size_t s = 0; s < segments.count; ++s, rows += R)
            add_all_products<R, NV>(c, rows, length, panel + static_cast<std::size_t>(segments.place[s]) * size, all);
        store_tile<NV>(c, out, column, epilogue, all);
    }
}

// out = x B for one row and several panels at once: two accumulators alone would wait for the latency of an fma (4
// cycles), eight keep up with what the caches deliver.
template <std::size_t... M>
[[gnu::__always_inline__]] inline void row_body(const float* x, std::size_t length, const float* panel,
                                                std::size_t panel_stride, float* out, std::size_t n,
                                                const TileEpilogue& epilogue, std::index_sequence<M...>) {
    Vec c[sizeof...(M)];
    if (epilogue.bias)
        ((c[M] = simd::load_padded<float>(epilogue.bias, M * W, n)), ...);
    else
        ((c[M] = Vec(0.f)), ...);
    for (std::size_t k = 0; k < length; ++k, panel += 2 * W) {
        const Vec a(x[k]);
        ((c[M] = simd::fma<float>(a, Vec::load_aligned(panel + M / 2 * panel_stride + M % 2 * W), c[M])), ...);
    }
    if (epilogue.mask)
        ((c[M] = unless_masked(simd::load_padded<float>(epilogue.mask + (out - epilogue.y), M * W, n), c[M])), ...);
    if (epilogue.add) ((c[M] = simd::load_padded<float>(epilogue.add + (out - epilogue.y), M * W, n) + c[M]), ...);
    if (epilogue.relu) ((c[M] = (simd::max)(Vec(0.f), c[M])), ...);
    (simd::store_unpadded<float>(out, M * W, n, c[M]), ...);
}

template <std::size_t R, std::size_t NV>
[[gnu::__noinline__]] inline void forward(std::size_t tiles, const float* const* rows, const Segments& segments,
                                          const float* panel, float* const* out, std::size_t column,
                                          const TileEpilogue& epilogue) {
    forward_body<R, NV>(tiles, rows, segments, panel, out, column, epilogue, std::make_index_sequence<R * NV>{});
}
template <std::same_as<float> T, std::size_t... R>
constexpr auto forward_table(std::index_sequence<R...>) {
    return std::array{std::array{&forward<R + 1, 1>, &forward<R + 1, 2>}...};
}
template <std::same_as<float> T>
inline constexpr auto forwards = forward_table<T>(std::make_index_sequence<max_rows>{});

// One tile of n columns that are not whole vectors, on padded copies of everything it reads and writes. The bodies know
// whole vectors only: a test of the width at every load and store costs as much as 10 steps of k.
template <std::same_as<float> T>
[[gnu::__noinline__]] inline void forward_padded(std::size_t r, const T* const* rows, const Segments& segments,
                                                 const T* panel, T* const* out, std::size_t column, std::size_t n,
                                                 TileEpilogue epilogue) {
    constexpr std::size_t width = 2 * W, size = max_rows * width;
    alignas(64) float wide[3 * size], bias[width];  // the outputs, what is added to them, what masks them
    float* to[max_rows];
    std::size_t row = 0;
    do {
        to[row] = wide + row * width;
    } while (++row < r);  // r > 0: of a loop that may not run g++ 12 says that `to` may be used uninitialized
    const auto from = [&](const float* p) { return [=](std::size_t i) { return p + (out[i] - epilogue.y) + column; }; };
    if (epilogue.add) {
        pad_rows(r, n, width, from(epilogue.add), wide + size);
        epilogue.add = wide + size;
    }
    if (epilogue.mask) {
        pad_rows(r, n, width, from(epilogue.mask), wide + 2 * size);
        epilogue.mask = wide + 2 * size;
    }
    epilogue.y = wide;
    if (epilogue.bias) {
        pad_rows(
            1, n, width, [&](std::size_t) { return epilogue.bias; }, bias);
        epilogue.bias = bias;
    }
    forwards<T>[r - 1][n > W](1, rows, segments, panel, to, 0, epilogue);
    unpad_rows(r, n, width, static_cast<const float*>(wide), [&](std::size_t i) { return out[i] + column; });
}
}  // namespace detail

/// Tiles of r rows: out[t r + i][column + 0 .. n), i < r, n <= 2W. `rows` holds r pointers for each segment of each
/// tile; the panel has rows of 2W floats.
template <std::same_as<float> T>
inline void forward(std::size_t r, std::size_t tiles, const T* const* rows, const Segments& segments, const T* panel,
                    T* const* out, std::size_t column, std::size_t n, const TileEpilogue& epilogue) {
    if (n % W == 0)
        detail::forwards<T>[r - 1][n > W](tiles, rows, segments, panel, out, column, epilogue);
    else
        for (; tiles > 0; --tiles, rows += segments.count * r, out += r)
            detail::forward_padded(r, rows, segments, panel, out, column, n, epilogue);
}

inline constexpr std::size_t row_panels = 4;

/// out[0 .. n) of one row, n <= 2W row_panels, from that many panels of `length` rows at a distance of panel_stride.
template <std::same_as<float> T>
[[gnu::__noinline__]] inline void row_forward(const T* x, std::size_t length, const T* panel, std::size_t panel_stride,
                                              T* out, std::size_t n, const TileEpilogue& epilogue) {
    switch ((n + 2 * W - 1) / (2 * W)) {
    case 1:
        return detail::row_body(x, length, panel, panel_stride, out, n, epilogue, std::make_index_sequence<2>{});
    case 2:
        return detail::row_body(x, length, panel, panel_stride, out, n, epilogue, std::make_index_sequence<4>{});
    case 3:
        return detail::row_body(x, length, panel, panel_stride, out, n, epilogue, std::make_index_sequence<6>{});
    default:
        return detail::row_body(x, length, panel, panel_stride, out, n, epilogue, std::make_index_sequence<8>{});
    }
}

}  // namespace tessera::kernel::tile
