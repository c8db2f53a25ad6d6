#pragma once
// The three products of training, on the register tile for float and on Eigen for other scalars.
//
//     y  = x B            gemm           B in Panels: the weights for forward, transposed for dx = dy B^T
//     dB += x^T dy        gemm_adjoint   the chain of additions goes on through memory, so that cutting the rows into
//                                        blocks changes no bit
//     db += sum of dy     column_sums
//
// Rows outside, panels inside: 14 rows of x stay in L1 and the panels stream from L2 (91 to 94 % of the peak; the other
// way round 73 to 83 %). Few rows, as in sampling, the other way round: the weights of a model come from L3, and once.

#include <tessera/kernel/eigen.hpp>
#include <tessera/kernel/panels.hpp>
#include <tessera/kernel/tile.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

/// How y comes out: y = relu(bias + x B + add), each part where it is given.
template <class T>
struct Epilogue {
    const T* bias = nullptr;
    const T* add = nullptr;  ///< laid out as y; may be y
    bool relu = false;
};

/// The part of B that is multiplied: its first k rows, and n columns from `first` on (a multiple of panel_width).
struct Part {
    std::size_t k, n, first = 0;
};

namespace detail {
inline constexpr std::size_t few_rows = 64;
}

/// y (rows x n, distance ldy) = x (rows x k, distance ldx) B (k x n).
template <std::floating_point T>
void gemm(std::size_t rows, const T* x, std::size_t ldx, const Panels<T>& b, Part part, T* y, std::size_t ldy,
          Epilogue<T> end = {}) {
    const std::size_t k = part.k, n = part.n;  // clang 14 cannot capture structured bindings
    if constexpr (std::same_as<T, float>) {
        const auto panel = [&](std::size_t j) { return b.panel((part.first + j) / panel_width); };
        const auto tile_end = [&](std::size_t j) {
            return tile::End{.bias = end.bias ? end.bias + j : nullptr,
                             .plus = end.add != nullptr,
                             .add = end.add ? end.add - y : 0,
                             .relu = end.relu};
        };
        if (rows == 1) {
            constexpr std::size_t step = tile::row_panels * panel_width;
            for (std::size_t j = 0; j < n; j += step)
                tile::row_forward(x, k, panel(j), b.rows() * panel_width, y + j, std::min(step, n - j),
                                  tile_end(j));
            return;
        }
        const tile::EvenCut cut(rows);
        const auto product = [&](std::size_t t, std::size_t j) {
            const std::size_t first = cut.begin(t), r = cut.begin(t + 1) - first;
            const float* a[tile::max_rows];
            float* out[tile::max_rows];
            for (std::size_t i = 0; i < r; ++i) a[i] = x + (first + i) * ldx, out[i] = y + (first + i) * ldy + j;
            tile::forward(r, a, 1, k, panel(j), out, std::min(panel_width, n - j), tile_end(j));
        };
        if (rows <= detail::few_rows)
            for (std::size_t j = 0; j < n; j += panel_width)
                for (std::size_t t = 0; t < cut.parts; ++t) product(t, j);
        else
            for (std::size_t t = 0; t < cut.parts; ++t)
                for (std::size_t j = 0; j < n; j += panel_width) product(t, j);
    } else {
        auto out = eigen_map(y, rows, n, ldy);
        RowMajor<T> product = eigen_map(x, rows, k, ldx) * eigen_map(b.data() + part.first, k, n, b.columns());
        if (end.bias) product.rowwise() += eigen_map(end.bias, 1, n, n).row(0);
        if (end.add) product += eigen_map(end.add, rows, n, ldy);
        if (end.relu) product = product.cwiseMax(T(0));
        out = product;
    }
}

template <std::floating_point T>
void gemm(std::size_t rows, const T* x, std::size_t ldx, const Panels<T>& b, T* y, std::size_t ldy,
          Epilogue<T> end = {}) {
    gemm<T>(rows, x, ldx, b, Part{b.rows(), b.columns()}, y, ldy, end);
}

namespace detail {
// out (count x width) = columns first .. first + width of rows row(0) .. row(count - 1), zero from column `columns` on.
template <std::size_t width, class Row>
void copy_columns(std::size_t count, std::size_t first, std::size_t columns, Row&& row, float* out) {
    constexpr std::size_t W = tile::W;
    static_assert(width % W == 0);
    for (std::size_t i = 0; i < count; ++i, out += width)
        for (std::size_t v = 0; v < width; v += W) {
            const std::size_t at = first + v;
            const float* from = row(i) + at;
            simd::store(out + v, at + W <= columns ? simd::load(from)
                                                   : at < columns ? simd::load_part(from, columns - at) : tile::Vec(0.f));
        }
}

// Both operands are copied in the order in which the tile reads them: rows at a distance of 2^n bytes fall into few sets
// of L1 and evict each other (K 1024: 43 % of the peak, K 128: 56 % with x read in place), and columns behind the last
// whole vector would be read past the end. A tile of x (12 KiB) serves four panels of dy (24 KiB each, from L2).
// x may have several parts, one below the other in db: the taps of a convolution, which share the copy of dy.
template <class Rows>
void adjoint_rows(std::size_t rows, std::size_t parts, std::size_t k, std::size_t n, Rows&& point, const float* dy,
                  std::size_t ldy, float* db, std::size_t ldb) {
    constexpr std::size_t chunk = 196, together = 4;
    constexpr std::size_t pitch = (tile::max_rows + tile::W - 1) / tile::W * tile::W;
    alignas(64) float panels[together][chunk * panel_width], x[chunk * pitch];
    const float *a[chunk], *packed[chunk];
    for (std::size_t i = 0; i < chunk; ++i) packed[i] = x + i * pitch;
    const tile::EvenCut cut(k);
    for (std::size_t m = 0; m < rows; m += chunk) {
        const std::size_t count = std::min(chunk, rows - m);
        for (std::size_t start = 0; start < n; start += together * panel_width) {
            const std::size_t stop = std::min(n, start + together * panel_width);
            for (std::size_t j = start, p = 0; j < stop; j += panel_width, ++p)
                copy_columns<panel_width>(count, j, n, [&](std::size_t i) { return dy + (m + i) * ldy; }, panels[p]);
            for (std::size_t part = 0; part < parts; ++part) {
                point(part, m, count, a);
                for (std::size_t t = 0; t < cut.parts; ++t) {
                    const std::size_t first = cut.begin(t), r = cut.begin(t + 1) - first;
                    copy_columns<pitch>(count, first, k, [&](std::size_t i) { return a[i]; }, x);
                    for (std::size_t j = start, p = 0; j < stop; j += panel_width, ++p)
                        tile::adjoint(r, packed, 0, count, panels[p], panel_width, db + (part * k + first) * ldb + j, ldb,
                                      std::min(panel_width, n - j));
                }
            }
        }
    }
}

// The same without copies, for short rows: 128 bytes of dy and 64 of x are read a row and tile, from L1 or L2. Copies cost
// 15 points where 32 columns of dy come out and 8 where 64; at 128 they are as good.
inline constexpr std::size_t in_place_columns = 64;

template <class Rows>
void adjoint_rows_in_place(std::size_t rows, std::size_t parts, std::size_t k, std::size_t n, Rows&& point,
                           const float* dy, std::size_t ldy, float* db, std::size_t ldb) {
    constexpr std::size_t chunk = 196;
    const float* a[chunk];
    const tile::EvenCut cut(k);
    for (std::size_t m = 0; m < rows; m += chunk) {
        const std::size_t count = std::min(chunk, rows - m);
        for (std::size_t part = 0; part < parts; ++part) {
            point(part, m, count, a);
            for (std::size_t t = 0; t < cut.parts; ++t) {
                const std::size_t first = cut.begin(t), r = cut.begin(t + 1) - first;
                for (std::size_t j = 0; j < n; j += panel_width)
                    tile::adjoint(r, a, first, count, dy + m * ldy + j, ldy, db + (part * k + first) * ldb + j, ldb,
                                  panel_width);
            }
        }
    }
}
}  // namespace detail

/// dB (k x n, distance ldb) += x^T dy over `rows` rows.
template <std::floating_point T>
void gemm_adjoint(std::size_t rows, std::size_t k, std::size_t n, const T* x, std::size_t ldx, const T* dy,
                  std::size_t ldy, T* db, std::size_t ldb) {
    if constexpr (std::same_as<T, float>)
        detail::adjoint_rows(rows, 1, k, n,
                             [&](std::size_t, std::size_t m, std::size_t count, const float** a) {
                                 for (std::size_t i = 0; i < count; ++i) a[i] = x + (m + i) * ldx;
                             },
                             dy, ldy, db, ldb);
    else
        eigen_map(db, k, n, ldb) += eigen_map(x, rows, k, ldx).transpose() * eigen_map(dy, rows, n, ldy);
}

/// db[j] += sum over rows of dy[m][j], rows in order.
template <std::floating_point T>
void column_sums(std::size_t rows, std::size_t n, const T* dy, std::size_t ldy, T* db) {
    constexpr std::size_t W = simd::width<T>;
    std::size_t j = 0;
    for (; j + 4 * W <= n; j += 4 * W) {
        simd::Vec<T> s[4];
        for (std::size_t v = 0; v < 4; ++v) s[v] = simd::load(db + j + v * W);
        for (std::size_t m = 0; m < rows; ++m)
            for (std::size_t v = 0; v < 4; ++v) s[v] = s[v] + simd::load(dy + m * ldy + j + v * W);
        for (std::size_t v = 0; v < 4; ++v) simd::store(db + j + v * W, s[v]);
    }
    for (std::size_t m = 0; m < rows; ++m)
        for (std::size_t c = 0; c < n - j; ++c) db[j + c] += dy[m * ldy + j + c];
}

}  // namespace tessera::kernel
