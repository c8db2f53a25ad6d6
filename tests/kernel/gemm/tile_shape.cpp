#include <tessera/kernel/gemm/tile_shape.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <algorithm>
#include <cstddef>

namespace tile = tessera::kernel::tile;

TEST_CASE("EvenCut: the fewest tiles, of heights that differ by one at most") {
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 200; ++n) {
        const tile::EvenCut cut(n);
        wrong.compare((n + tile::max_rows - 1) / tile::max_rows, cut.parts, "parts, n = ", n);
        std::size_t smallest = n, largest = 0, total = 0;
        for (std::size_t i = 0; i < cut.parts; ++i) {
            const std::size_t length = cut.begin(i + 1) - cut.begin(i);
            wrong.compare(total, cut.begin(i), "begin(", i, "), n = ", n);
            total += length;
            smallest = std::min(smallest, length);
            largest = std::max(largest, length);
        }
        wrong.compare(n, total, "total, n = ", n);
        wrong.require(largest <= tile::max_rows && (n == 0 || largest - smallest <= 1), "even parts, n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("EvenCut: the runs are all its tiles, each run of one height and at most the given length") {
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 200; ++n)
        for (const std::size_t most : {1u, 3u, 12u}) {
            const tile::EvenCut cut(n);
            std::size_t at = 0, tiles = 0;
            cut.for_runs(most, [&](std::size_t first, std::size_t r, std::size_t count) {
                wrong.compare(at, first, "first, n = ", n, ", most = ", most);
                wrong.require(count > 0 && count <= most, "length of the run, n = ", n, ", most = ", most);
                for (std::size_t t = 0; t < count; ++t)
                    wrong.compare(cut.begin(tiles + t + 1) - cut.begin(tiles + t), r, "rows of tile ", tiles + t,
                                  ", n = ", n);
                at += r * count;
                tiles += count;
            });
            wrong.compare(n, at, "rows, n = ", n, ", most = ", most);
            wrong.compare(cut.parts, tiles, "tiles, n = ", n, ", most = ", most);
        }
    CHECK(wrong.first() == "");
}
