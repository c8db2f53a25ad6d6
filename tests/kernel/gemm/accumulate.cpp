#include <tessera/kernel/gemm/accumulate.hpp>

#include <doctest/doctest.h>
#include <support/numbers.hpp>

#include <cstddef>
#include <utility>

namespace simd = tessera::kernel::simd;
namespace tile = tessera::kernel::tile;

TEST_CASE("tile::accumulate: one fma for each row and column, from a column of rows or from neighbours") {
    constexpr std::size_t R = 3, NV = 2, W = tile::W, ld = 5, k = 2;
    const auto a = support::numbers<float>(R * ld, 1), b = support::numbers<float>(NV * W, 2);
    const auto before = support::numbers<float>(R * NV * W, 3);
    const float* const rows[R] = {a.data(), a.data() + ld, a.data() + 2 * ld};
    const float column[R] = {rows[0][k], rows[1][k], rows[2][k]};
    const tile::Vec v[NV] = {simd::load(b.data()), simd::load(b.data() + W)};
    tile::Vec of_rows[R * NV], contiguous[R * NV];
    for (std::size_t i = 0; i < R * NV; ++i) of_rows[i] = contiguous[i] = simd::load(before.data() + i * W);
    tile::accumulate(of_rows, tile::ColumnOfRows{rows, k}, v, std::make_index_sequence<R * NV>{});
    tile::accumulate(contiguous, tile::Contiguous{column}, v, std::make_index_sequence<R * NV>{});
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t j = 0; j < NV * W; ++j) {
            CAPTURE(r);
            CAPTURE(j);
            const float expected = simd::fma(column[r], b[j], before[r * NV * W + j]);
            CHECK(of_rows[r * NV + j / W].get(j % W) == expected);
            CHECK(contiguous[r * NV + j / W].get(j % W) == expected);
        }
}
