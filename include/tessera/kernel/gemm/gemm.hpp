#pragma once
// gemm: y = x B with an epilogue; B in Panels: the weights for forward, transposed for dx = dy B^T.
//
//     y = relu((mask > 0 ? bias + x B : 0) + add)
//
// float runs on the register tile, other scalars row by row. A block of rows stays in L2 and takes one panel after
// another, which stays in L1 from tile to tile. With 512 KiB of L2 (Zen 3) blocks of 72 rows give 91 to 94 % of the
// peak and one tile at a time 84 to 94 %: each tile of 6 rows would read all panels from L3 again. With 2 MiB and tiles
// of 14 rows one tile at a time is best (91 to 94 %, blocks 82 to 92 %). There few rows, as in sampling, are one block
// too: the weights of a model come from L3, and should come once. Two or three rows, a sequence with guidance or two or
// three without, take several panels at once (narrow_tile.hpp): sampling with the preset small is 1.14 to 1.16 times as
// fast with two rows and 1.07 with three (one thread, Zen 4).
//
// Shapes   x [rows, k], rows ldx apart; B [k, n]; y [rows, n], rows ldy apart; bias [n]; mask, add as y
// Cost     rows k n multiply-adds, n rounded up to whole vectors; allocates nothing

#include <tessera/kernel/gemm/narrow_tile.hpp>
#include <tessera/kernel/gemm/panels.hpp>
#include <tessera/kernel/gemm/plain_product.hpp>
#include <tessera/kernel/gemm/tile.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/threads/team.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

/// y = relu((mask > 0 ? bias + x B : 0) + add); parts that are not given are left out.
template <class T>
struct Epilogue {
    const T* bias = nullptr;
    const T* mask = nullptr;  ///< laid out as y
    const T* add = nullptr;   ///< laid out as y; may be y
    bool relu = false;
};

/// The part of B that is multiplied: its first k rows, and n columns from `first` on (a multiple of panel_width).
struct PanelRange {
    std::size_t k, n, first = 0;
};

namespace detail {
inline constexpr std::size_t few_rows = 64;
inline constexpr std::size_t block_tiles = 12;  // at most
inline std::size_t tiles_together(std::size_t rows) { return tile::W == 16 && rows > few_rows ? 1 : block_tiles; }

// The epilogue of the columns from j on, as the tile takes it.
inline tile::TileEpilogue tile_epilogue(const Epilogue<float>& epilogue, const float* y, std::size_t j) {
    return {.bias = epilogue.bias ? epilogue.bias + j : nullptr,
            .y = y,
            .mask = epilogue.mask,
            .add = epilogue.add,
            .relu = epilogue.relu};
}
// The epilogue of one element.
template <class T>
T finish(const Epilogue<T>& epilogue, T sum, std::size_t column, std::ptrdiff_t at) {
    if (epilogue.bias) sum += epilogue.bias[column];
    if (epilogue.mask && !(epilogue.mask[at] > T(0))) sum = T(0);
    if (epilogue.add) sum += epilogue.add[at];
    return epilogue.relu && sum < T(0) ? T(0) : sum;
}
}  // namespace detail

/// y (rows x n, distance ldy) = x (rows x k, distance ldx) B (k x n).
template <std::floating_point T>
void gemm(std::size_t rows, const T* x, std::size_t ldx, const Panels<T>& b, PanelRange part, T* y, std::size_t ldy,
          Epilogue<T> epilogue = {}) {
    const std::size_t k = part.k, n = part.n;  // clang 14 cannot capture structured bindings
    if constexpr (std::same_as<T, float>) {
        const auto panel = [&](std::size_t j) { return b.panel((part.first + j) / panel_width); };
        // one row: several panels at once
        if (rows == 1) {
            constexpr std::size_t step = tile::row_panels * panel_width;
            for (std::size_t j = 0; j < n; j += step)
                tile::row_forward(x, k, panel(j), b.rows() * panel_width, y + j, (std::min)(step, n - j),
                                  detail::tile_epilogue(epilogue, y, j));
            return;
        }
        // two or three rows: several panels at once, then one at a time
        if (rows > 1 && rows <= tile::narrow_rows) {
            const float* a[tile::narrow_rows];
            float* out[tile::narrow_rows];
            for (std::size_t i = 0; i < rows; ++i) {
                a[i] = x + i * ldx;
                out[i] = y + i * ldy;
            }
            for (std::size_t j = 0; j < n;) {
                const tile::TileEpilogue of_j = detail::tile_epilogue(epilogue, y, j);
                std::size_t columns =
                    tile::narrow_forward(rows, a, k, panel(j), b.rows() * panel_width, out, j, n - j, of_j);
                if (columns == 0) {
                    columns = (std::min)(panel_width, n - j);
                    tile::forward(rows, 1, a, tile::one_segment(k), panel(j), out, j, columns, of_j);
                }
                j += columns;
            }
            return;
        }
        // blocks of tiles: each panel of B once over all tiles of the block
        tile::EvenCut(rows).for_runs(
            detail::tiles_together(rows), [&](std::size_t first, std::size_t r, std::size_t tiles) {
                const float* a[detail::block_tiles * tile::max_rows];
                float* out[detail::block_tiles * tile::max_rows];
                for (std::size_t i = 0; i < r * tiles; ++i) {
                    a[i] = x + (first + i) * ldx;
                    out[i] = y + (first + i) * ldy;
                }
                for (std::size_t j = 0; j < n; j += panel_width)
                    tile::forward(r, tiles, a, tile::one_segment(k), panel(j), out, j, (std::min)(panel_width, n - j),
                                  detail::tile_epilogue(epilogue, y, j));
            });
    } else {
        for (std::size_t m = 0; m < rows; ++m)
            row_product<T>(k, x + m * ldx, 1, b.data() + part.first, b.columns(), n, [&](std::size_t j, T sum) {
                y[m * ldy + j] = detail::finish(epilogue, sum, j, static_cast<std::ptrdiff_t>(m * ldy + j));
            });
    }
}

template <std::floating_point T>
void gemm(std::size_t rows, const T* x, std::size_t ldx, const Panels<T>& b, T* y, std::size_t ldy,
          Epilogue<T> epilogue = {}) {
    gemm<T>(rows, x, ldx, b, PanelRange{b.rows(), b.columns()}, y, ldy, epilogue);
}

/// Some of the columns of a matrix.
struct ColumnRange {
    std::size_t first, count;
};
/// The share of a worker in n columns: whole panels.
inline ColumnRange columns_of(const Worker& worker, std::size_t n) {
    const auto [begin, end] = worker.share(ceil_div(n, panel_width));
    const std::size_t first = begin * panel_width, last = (std::min)(n, end * panel_width);
    return {first, last > first ? last - first : 0};
}
/// y = x B; each worker computes its share of the columns and returns it.
template <std::floating_point T>
ColumnRange gemm(const Worker& worker, std::size_t rows, const T* x, std::size_t ldx, const Panels<T>& b, T* y,
                 std::size_t ldy, Epilogue<T> epilogue = {}) {
    const ColumnRange mine = columns_of(worker, b.columns());
    if (mine.count == 0 || rows == 0) return mine;  // y of no rows may be null, to which nothing may be added
    const auto of_mine = [&](const T* p) { return p ? p + mine.first : nullptr; };
    epilogue.bias = of_mine(epilogue.bias);
    epilogue.mask = of_mine(epilogue.mask);
    epilogue.add = of_mine(epilogue.add);
    gemm<T>(rows, x, ldx, b, PanelRange{b.rows(), mine.count, mine.first}, y + mine.first, ldy, epilogue);
    return mine;
}

}  // namespace tessera::kernel
