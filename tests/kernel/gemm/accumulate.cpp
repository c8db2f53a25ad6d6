#include <tessera/kernel/gemm/accumulate.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <cstddef>
#include <utility>

namespace simd = tessera::kernel::simd;
namespace tile = tessera::kernel::tile;

namespace {

// accumulate with R neighbours of x, and accumulate_steps with R rows, against one fma after another.
template <std::size_t R, std::size_t NV>
void compare_accumulate(support::Mismatch& wrong) {
    constexpr std::size_t W = tile::W, lda = W + 3, k = 2, ldb = NV * W + 1;
    const auto a = support::numbers<float>(R * lda, R), b = support::numbers<float>(W * ldb, NV);
    const auto x = support::numbers<float>(R, 3), before = support::numbers<float>(R * NV * W, 4);
    const float* rows[R];
    for (std::size_t r = 0; r < R; ++r) rows[r] = a.data() + (R - 1 - r) * lda;
    tile::Vec neighbours[R * NV], steps[R * NV], v[NV];
    for (std::size_t i = 0; i < R * NV; ++i) neighbours[i] = steps[i] = simd::load(before.data() + i * W);
    for (std::size_t i = 0; i < NV; ++i) v[i] = simd::load(b.data() + i * W);
    tile::accumulate(neighbours, tile::Contiguous{x.data()}, v, std::make_index_sequence<R * NV>{});
    tile::accumulate_steps<NV>(steps, rows, k, tile::RowsOfVectors{b.data(), ldb});
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t j = 0; j < NV * W; ++j) {
            const std::size_t at = r * NV + j / W;
            const float start = before[at * W + j % W];
            float sum = start;
            for (std::size_t s = 0; s < W; ++s) sum = simd::fma(rows[r][k + s], b[s * ldb + j], sum);
            wrong.compare(simd::fma(x[r], b[j], start), neighbours[at].get(j % W), "R = ", R, ", NV = ", NV, ", row ",
                          r, ", column ", j);
            wrong.compare(sum, steps[at].get(j % W), "steps, R = ", R, ", NV = ", NV, ", row ", r, ", column ", j);
        }
}

}  // namespace

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

TEST_CASE("tile::accumulate: neighbours and rows that are read as vectors give the bits of one number after another") {
    support::Mismatch wrong;
    compare_accumulate<1, 1>(wrong);
    compare_accumulate<3, 2>(wrong);
    compare_accumulate<4, 1>(wrong);
    compare_accumulate<5, 2>(wrong);
    compare_accumulate<7, 1>(wrong);
    compare_accumulate<8, 2>(wrong);
    compare_accumulate<3, 4>(wrong);
    CHECK(wrong.first() == "");
}
