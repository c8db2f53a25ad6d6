#pragma once
// max_rows, EvenCut: the height of the register tile, and how rows are cut into tiles.
//
// A tile is R rows times two vectors. R is 14 with AVX-512 and 6 with AVX2: with g++, 12 rows (88 % of the peak) are
// slower than 14 (97 %), because pointers spill.
//
// NEON has 32 registers of 4 floats, and fmla takes a factor from any lane (accumulate.hpp), so four numbers of a row
// are one load. R is 8 there, chosen by counting, as nothing here could time it. R rows x NV vectors need R NV sums, R
// registers of rows and one of B or more, and (R / 4 + NV) / (R NV) loads for each fmla. Loops of g++ 12 -O3:
//
//     R x NV    sums   loads / fmla   instructions / fmla
//      6 x 2     12        0.67             2.04            numbers of a row one by one, as before; 4 sums are copied
//     14 x 2     28        0.80             2.13            the same; 22 uses of the stack for 56 fmla
//      6 x 2     12        0.29             1.29
//      8 x 2     16        0.25             1.25
//      9 x 2     18        0.24             1.28            no even share of 16, 32 or 64 rows
//     10 x 2     20        0.29             1.44            spills: 10 uses of the stack for 80 fmla
//      7 x 3     21        0.23             1.24            panels of 12 columns
//      8 x 3     24        0.29             1.44            spills: 15 for 96
//      4 x 4     16        0.31             1.28
//      6 x 4     24        0.26             1.32            spills: 6 for 96
//
// 16 sums are what four fmla a cycle of latency 4 keep busy. tests/aarch64/run.sh counts again.

#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel::tile {

inline constexpr std::size_t max_rows = simd::has_fma_lane ? 8 : simd::registers == 32 ? 14 : 6;

/// Cuts n rows into the fewest tiles of at most max_rows, of heights that differ by one at most: first `larger` tiles
/// of `height` + 1 rows, then the others of `height`.
struct EvenCut {
    explicit EvenCut(std::size_t n)
        : parts{ceil_div(n, max_rows)}, height{parts ? n / parts : 0}, larger{n - parts * height} {}
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
