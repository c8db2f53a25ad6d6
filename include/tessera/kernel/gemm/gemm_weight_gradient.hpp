#pragma once
// gemm_weight_gradient, column_sums: gradients of weights and biases, as sums over rows.
//
//     gemm_weight_gradient   dB += x^T dy
//     column_sums            db += sum over rows of dy, rows in order
//
// The chain of additions of each number continues through memory, so that cutting the rows into blocks changes no bit.
// A panel of 196 rows of dy (12 KiB with AVX2) stays in L1 while all tiles of x pass. Either operand may first be
// copied into the order in which the tile reads it: in place, rows 2^n bytes apart fall into few sets of L1 and evict
// each other. The copies, up to 331 KiB, are in a buffer that the caller keeps: too much for the stack of a thread, and
// allocated once.
//
// Shapes   x [rows, k], rows ldx apart; dy [rows, n], rows ldy apart; dB [k, n], rows ldb apart; db [n]
// Cost     rows k n multiply-adds, n rounded up to whole vectors; up to 331 KiB of copies

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/gemm/panels.hpp>
#include <tessera/kernel/gemm/plain_product.hpp>
#include <tessera/kernel/gemm/weight_gradient_tile.hpp>
#include <tessera/kernel/simd/pad_rows.hpp>
#include <tessera/kernel/simd/round_up.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
inline constexpr std::size_t chunk_rows = 196;

// x [tile of the cut][count][pitch] = the columns of the cut, from `first` on, of rows a[0] .. a[count - 1], which have
// k columns. Row by row, so that each is read once (column by column costs 2 to 6 points of the whole product).
inline void copy_tiles(const tile::EvenCut& cut, std::size_t count, std::size_t first, std::size_t k,
                       const float* const* a, float* x) {
    constexpr std::size_t W = tile::W, P = tile::pitch;
    const std::size_t step = count * P;
    const auto whole = [](const float* from, float* to) {
        for (std::size_t v = 0; v < P; v += W) simd::store(to + v, simd::load(from + v));
    };
    // The first `safe` tiles have at least P columns from their first on, and are copied P wide; the others number by
    // number.
    const std::size_t columns = k - first;
    std::size_t safe = 0;
    while (safe < cut.parts && cut.begin(safe) + P <= columns) ++safe;
    const std::size_t larger = (std::min)(safe, cut.larger);
    for (std::size_t i = 0; i < count; ++i) {
        const float* from = a[i] + first;
        float* to = x + i * P;
        std::size_t t = 0;
        for (; t < larger; ++t, from += cut.height + 1, to += step) whole(from, to);
        for (; t < safe; ++t, from += cut.height, to += step) whole(from, to);
        for (; t < cut.parts; ++t, to += step) {
            const std::size_t at = cut.begin(t), height = cut.begin(t + 1) - at;
            for (std::size_t j = 0; j < height; ++j) to[j] = a[i][first + at + j];
        }
    }
}

/// Which operands are read in place, and not first copied into the order of the tile.
struct InPlace {
    bool x = false, dy = false;
};

// With AVX2 a copy of dy costs 2 to 5 points and pays where its rows are 4 KiB apart; x in place loses 3 to 14.
inline InPlace in_place_of_matrix(std::size_t ldy) { return {.x = false, .dy = tile::W < 16 && ldy < 1024}; }

// db += x^T dy, where x may have several parts, one below the other in db: the taps of a convolution. point(part, m,
// count, a, row) sets row[i], counted from m, and a pointer a[i] for each of the rows m .. m + count - 1 that the part
// has, and returns how many.
template <class Rows>
void weight_gradient_rows(std::size_t rows, std::size_t parts, std::size_t k, std::size_t n, Rows&& point,
                          const float* dy, std::size_t ldy, float* db, std::size_t ldb, InPlace in_place,
                          Buffer<float>& copies) {
    constexpr std::size_t chunk = chunk_rows, columns = 256, most_k = 128;  // copies that fit in L2 together
    const float* a[chunk];
    std::uint32_t at[chunk];
    const bool dy_in_place = in_place.dy && n % panel_width == 0;  // otherwise reads past the last column
    const std::size_t most_rows = (std::min)(chunk, rows);
    const std::size_t x_size = in_place.x ? 0 : tile::EvenCut((std::min)(most_k, k)).parts * most_rows * tile::pitch;
    const std::size_t most_panels = ceil_div((std::min)(columns, n), panel_width);
    const std::size_t size = x_size + (dy_in_place ? 0 : most_panels * panel_width * chunk);
    if (copies.size() < size) copies.resize(size);
    float* const x = copies.data();
    float* const panels = x + x_size;
    const std::size_t ldg = dy_in_place ? ldy : panel_width;
    // chunks of rows, then 256 columns of dy at a time: panels of these stay in L2
    for (std::size_t m = 0; m < rows; m += chunk) {
        const std::size_t count = (std::min)(chunk, rows - m);
        for (std::size_t start = 0; start < n; start += columns) {
            const std::size_t stop = (std::min)(n, start + columns);
            for (std::size_t j = start; j < stop && !dy_in_place; j += panel_width)
                pad_rows(
                    count, n - j, panel_width, [&](std::size_t i) { return dy + (m + i) * ldy + j; },
                    panels + (j - start) * chunk);
            // each part of x over them: its rows, then 128 columns of x at a time
            for (std::size_t part = 0; part < parts; ++part) {
                const std::size_t present = point(part, m, count, a, at);
                for (std::size_t i = 0; i < present; ++i) at[i] *= static_cast<std::uint32_t>(ldg);
                for (std::size_t first = 0; first < k; first += most_k) {
                    const tile::EvenCut cut((std::min)(most_k, k - first));
                    if (!in_place.x) copy_tiles(cut, present, first, k, a, x);
                    // one panel of dy stays in L1 while all tiles of x pass
                    for (std::size_t j = start; j < stop; j += panel_width) {
                        const float* g = dy_in_place ? dy + m * ldy + j : panels + (j - start) * chunk;
                        const std::size_t width = (std::min)(panel_width, n - j);
                        for (std::size_t t = 0; t < cut.parts; ++t) {
                            const std::size_t row = first + cut.begin(t), r = cut.begin(t + 1) - cut.begin(t);
                            float* out = db + (part * k + row) * ldb + j;
                            for (std::size_t i = 0; i < r; ++i)
                                simd::prefetch(out + (r + i) * ldb);  // of the next tile
                            if (in_place.x)
                                tile::weight_gradient(r, a, row, present, g, at, out, ldb, width);
                            else
                                tile::weight_gradient(r, x + t * present * tile::pitch, present, g, at, out, ldb,
                                                      width);
                        }
                    }
                }
            }
        }
    }
}

// db += x^T dy, x in one part, whose rows are ldx apart.
template <std::same_as<float> T>
void weight_gradient_matrix(std::size_t rows, std::size_t k, std::size_t n, const T* x, std::size_t ldx, const T* dy,
                            std::size_t ldy, T* db, std::size_t ldb, InPlace in_place, Buffer<T>& copies) {
    const auto point = [&](std::size_t, std::size_t m, std::size_t count, const T** a, std::uint32_t* row) {
        for (std::size_t i = 0; i < count; ++i) {
            a[i] = x + (m + i) * ldx;
            row[i] = static_cast<std::uint32_t>(i);
        }
        return count;
    };
    weight_gradient_rows(rows, 1, k, n, point, dy, ldy, db, ldb, in_place, copies);
}
}  // namespace detail

/// dB += x^T dy. `copies` grows to the size that the largest product needs.
template <std::floating_point T>
void gemm_weight_gradient(std::size_t rows, std::size_t k, std::size_t n, const T* x, std::size_t ldx, const T* dy,
                          std::size_t ldy, T* db, std::size_t ldb, Buffer<T>& copies) {
    if (rows == 0) return;  // x and dy may be null, to which nothing may be added
    if constexpr (std::same_as<T, float>)
        detail::weight_gradient_matrix(rows, k, n, x, ldx, dy, ldy, db, ldb, detail::in_place_of_matrix(ldy), copies);
    else
        for (std::size_t i = 0; i < k; ++i)
            row_product<T>(rows, x + i, ldx, dy, ldy, n, [&](std::size_t j, T sum) { db[i * ldb + j] += sum; });
}

namespace detail {
// db += rows of dy, V vectors of columns: their sums stay in registers, as through memory each addition waits for the
// store of the one before (6272 rows of 32 columns: 26 us, now 7; of one: 20 and 5).
template <std::size_t V, class T>
void column_sums_of(std::size_t rows, const T* dy, std::size_t ldy, T* db) {
    constexpr std::size_t W = simd::width<T>;
    simd::Vec<T> s[V];
    for (std::size_t v = 0; v < V; ++v) s[v] = simd::load(db + v * W);
    for (std::size_t m = 0; m < rows; ++m)
        for (std::size_t v = 0; v < V; ++v) s[v] = s[v] + simd::load(dy + m * ldy + v * W);
    for (std::size_t v = 0; v < V; ++v) simd::store(db + v * W, s[v]);
}
// The same for n columns, less than a vector.
template <class T>
void column_sums_of_part(std::size_t rows, std::size_t n, const T* dy, std::size_t ldy, T* db) {
    simd::Vec<T> s = simd::load_part(db, n);
    for (std::size_t m = 0; m < rows; ++m) s = s + simd::load_part(dy + m * ldy, n);
    simd::store_part(db, s, n);
}
}  // namespace detail

/// db[j] += sum over m of dy[m][j], in order of m.
template <std::floating_point T>
void column_sums(std::size_t rows, std::size_t n, const T* dy, std::size_t ldy, T* db) {
    if (rows == 0) return;  // dy may be null
    constexpr std::size_t W = simd::width<T>;
    std::size_t j = 0;
    for (; j + 4 * W <= n; j += 4 * W) detail::column_sums_of<4>(rows, dy + j, ldy, db + j);
    if (j + 2 * W <= n) {
        detail::column_sums_of<2>(rows, dy + j, ldy, db + j);
        j += 2 * W;
    }
    if (j + W <= n) {
        detail::column_sums_of<1>(rows, dy + j, ldy, db + j);
        j += W;
    }
    if (j < n) detail::column_sums_of_part(rows, n - j, dy + j, ldy, db + j);
}

}  // namespace tessera::kernel
