#include <tessera/kernel/gemm/tile.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

using support::numbers;
namespace kernel = tessera::kernel;
namespace tile = tessera::kernel::tile;

namespace {

// Panels must be aligned to a cache line, which a std::vector need not be.
struct Panel {
    explicit Panel(const std::vector<float>& x) : memory(x.size() + 16) {
        void* p = memory.data();
        std::size_t room = memory.size() * sizeof(float);
        start = static_cast<float*>(std::align(64, x.size() * sizeof(float), p, room));
        std::copy(x.begin(), x.end(), start);
    }
    std::vector<float> memory;
    float* start;
};

}  // namespace

TEST_CASE(
    "tile: every height and width of the forward tile is one chain of fma for each output, for any number of tiles") {
    constexpr std::size_t ld = 2 * tile::W + 3, column = 2, tiles = 2, all_segments = 5;
    constexpr std::int32_t segment[] = {0, 2, 4};  // the rows have no segments 1 and 3
    support::Mismatch wrong;
    for (const std::size_t length : {1u, 5u, 6u})
        for (const std::size_t segments : {0u, 1u, 3u}) {
            const Panel panel{numbers<float>(all_segments * length * 2 * tile::W, 1)};
            for (std::size_t r = 1; r <= tile::max_rows; ++r) {
                const std::size_t height = tiles * r, size = height * ld;
                const auto x = numbers<float>((segments * height + 1) * length, r), bias = numbers<float>(ld, 2),
                           before = numbers<float>(3 * size, 3);  // out, behind it what is added and what masks
                std::vector<const float*> rows;
                for (std::size_t i = segments * height; i-- > 0;) rows.push_back(x.data() + i * length);  // any order
                for (std::size_t n = 1; n <= 2 * tile::W; ++n)
                    for (unsigned parts = 0; parts < 16; ++parts) {
                        auto y = before, expected = before;
                        const tile::TileEpilogue end{.bias = (parts & 1) != 0 ? bias.data() : nullptr,
                                                     .y = y.data(),
                                                     .mask = (parts & 8) != 0 ? before.data() + 2 * size : nullptr,
                                                     .add = (parts & 2) != 0 ? before.data() + size : nullptr,
                                                     .relu = (parts & 4) != 0};
                        std::vector<float*> out;
                        for (std::size_t i = 0; i < height; ++i) out.push_back(y.data() + i * ld);
                        tile::forward(r, tiles, rows.data(), {segments, length, segment}, panel.start, out.data(),
                                      column, n, end);
                        for (std::size_t i = 0; i < height; ++i)
                            for (std::size_t j = 0; j < n; ++j) {
                                const std::size_t at = i * ld + column + j;
                                float sum = end.bias ? bias[j] : 0.f;
                                for (std::size_t s = 0; s < segments; ++s) {
                                    const std::size_t begin = static_cast<std::size_t>(segment[s]) * length;
                                    for (std::size_t k = 0; k < length; ++k)
                                        sum = kernel::simd::fma(rows[(i / r * segments + s) * r + i % r][k],
                                                                panel.start[(begin + k) * 2 * tile::W + j], sum);
                                }
                                if (end.mask && !(before[2 * size + at] > 0)) sum = 0;
                                if (end.add) sum = before[size + at] + sum;
                                expected[at] = end.relu && sum < 0 ? 0.f : sum;
                            }
                        wrong.compare(expected, y, "length = ", length, ", segments = ", segments, ", r = ", r,
                                      ", n = ", n, ", parts = ", parts);
                    }
            }
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("tile: one row against four panels gives the bits of the tile of one row") {
    constexpr std::size_t length = 7, most = tile::row_panels * 2 * tile::W, stride = (length + 2) * 2 * tile::W;
    const Panel panels{numbers<float>(tile::row_panels * stride, 1)};
    const auto x = numbers<float>(length, 2), bias = numbers<float>(most, 3), before = numbers<float>(2 * most + 1, 4);
    support::Mismatch wrong;
    for (std::size_t n = 1; n <= most; ++n)
        for (unsigned parts = 0; parts < 16; ++parts) {
            auto row = before, expected = before;
            const tile::TileEpilogue end{.bias = parts & 1 ? bias.data() : nullptr,
                                         .y = row.data(),
                                         .mask = parts & 8 ? before.data() + most + 1 : nullptr,
                                         .add = parts & 2 ? before.data() + most + 1 : nullptr,
                                         .relu = (parts & 4) != 0};
            tile::row_forward(x.data(), length, panels.start, stride, row.data(), n, end);
            for (std::size_t j = 0; j < n; j += 2 * tile::W) {
                const float* rows = x.data();
                float* out = expected.data() + j;
                tile::TileEpilogue part = end;
                part.y = expected.data();
                if (part.bias) part.bias += j;
                tile::forward(1, 1, &rows, tile::one_segment(length), panels.start + j / (2 * tile::W) * stride, &out,
                              0, std::min(2 * tile::W, n - j), part);
            }
            wrong.compare(expected, row, "n = ", n, ", parts = ", parts);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("tile: the relu of a tile lets NaN through") {
    const Panel panel{std::vector<float>(2 * tile::W, 1.f)};
    const float x = std::numeric_limits<float>::quiet_NaN();
    const float* row = &x;
    float y[2 * tile::W];
    float* out = y;
    tile::forward(1, 1, &row, tile::one_segment(1), panel.start, &out, 0, 2 * tile::W, {.relu = true});
    support::Mismatch wrong;
    for (std::size_t i = 0; i < std::size(y); ++i) wrong.require(std::isnan(y[i]), "NaN at element ", i);
    CHECK(wrong.first() == "");
}
