#include <tessera/core/buffer.hpp>
#include <tessera/kernel/gemm/narrow_tile.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

using support::numbers;
namespace kernel = tessera::kernel;
namespace tile = tessera::kernel::tile;

namespace {

constexpr std::size_t narrow_lengths[] = {1, 2, 3, 4, 5, 7, 8, 9, 31, 33};
constexpr std::size_t narrow_width = 8 * tile::W;  // four panels

// The operands of a product of three rows, and what it gives number by number. The panels have more rows than a row of
// x has numbers, and y more columns than the product.
struct NarrowProduct {
    static constexpr std::size_t most = 3, length = 33, column = 3, ldy = column + narrow_width + 5, size = most * ldy;
    static constexpr std::size_t stride = (length + 2) * 2 * tile::W;  // from panel to panel

    std::array<const float*, most> rows() const {  // not in the order of memory
        return {x.data() + 2 * length, x.data(), x.data() + length};
    }
    float b(std::size_t k, std::size_t j) const {
        return panels[j / (2 * tile::W) * stride + k * 2 * tile::W + j % (2 * tile::W)];
    }
    // Parts 1, 2, 4, 8: bias, add, relu, mask. `y` is what is written to.
    tile::TileEpilogue epilogue(unsigned parts, const std::vector<float>& y) const {
        return {.bias = (parts & 1) != 0 ? bias.data() : nullptr,
                .y = y.data(),
                .mask = (parts & 8) != 0 ? mask.data() : nullptr,
                .add = (parts & 2) != 0 ? add.data() : nullptr,
                .relu = (parts & 4) != 0};
    }
    // y after the product of r rows of k numbers, its columns from column + `count` on as before.
    std::vector<float> expected(std::size_t r, std::size_t k, std::size_t count, unsigned parts) const {
        std::vector<float> y = before;
        for (std::size_t i = 0; i < r; ++i)
            for (std::size_t j = 0; j < count; ++j) {
                const std::size_t at = i * ldy + column + j;
                float sum = (parts & 1) != 0 ? bias[j] : 0.f;
                for (std::size_t n = 0; n < k; ++n) sum = kernel::simd::fma(rows()[i][n], b(n, j), sum);
                if ((parts & 8) != 0 && !(mask[at] > 0)) sum = 0;
                if ((parts & 2) != 0) sum = add[at] + sum;
                y[at] = (parts & 4) != 0 && sum < 0 ? 0.f : sum;
            }
        return y;
    }

    std::vector<float> x = numbers<float>(most * length, 1), values = numbers<float>(4 * stride, 2),
                       bias = numbers<float>(narrow_width, 3), add = numbers<float>(size, 4),
                       mask = numbers<float>(size, 5), before = numbers<float>(size, 6);
    tessera::Buffer<float> panels{values.begin(), values.end()};
};

// The tile of R rows and so many panels, for all lengths and epilogues.
template <std::size_t R, std::size_t Panels>
void compare_narrow(const NarrowProduct& p, support::Mismatch& wrong) {
    for (const std::size_t k : narrow_lengths)
        for (unsigned parts = 0; parts < 16; ++parts) {
            auto y = p.before;
            float* out[R];
            for (std::size_t i = 0; i < R; ++i) out[i] = y.data() + i * p.ldy;
            tile::detail::narrow_forward<R, Panels>(p.rows().data(), k, p.panels.data(), p.stride, out, p.column,
                                                    p.epilogue(parts, y));
            wrong.compare(p.expected(R, k, Panels * 2 * tile::W, parts), y, "rows = ", R, ", panels = ", Panels,
                          ", length = ", k, ", parts = ", parts);
        }
}

}  // namespace

TEST_CASE("narrow tile: two and three rows times two and four panels are one chain of fma for each output") {
    const NarrowProduct p;
    support::Mismatch wrong;
    compare_narrow<2, 2>(p, wrong);
    compare_narrow<2, 4>(p, wrong);
    compare_narrow<3, 2>(p, wrong);
    compare_narrow<3, 4>(p, wrong);
    CHECK(wrong.first() == "");
}

TEST_CASE("narrow tile: takes the whole panels that its registers hold, and leaves a product of fewer than two alone") {
    const NarrowProduct p;
    support::Mismatch wrong;
    for (std::size_t r = 2; r <= tile::narrow_rows; ++r)
        for (std::size_t n = 1; n <= narrow_width; ++n)
            for (const std::size_t k : {1u, 7u, 33u}) {
                auto y = p.before;
                float* out[NarrowProduct::most];
                for (std::size_t i = 0; i < r; ++i) out[i] = y.data() + i * p.ldy;
                const std::size_t most = kernel::simd::registers == 32 ? 8 * tile::W : 4 * tile::W;
                const std::size_t columns = n < 4 * tile::W ? 0 : n < 8 * tile::W ? 4 * tile::W : most;
                wrong.compare(columns,
                              tile::narrow_forward(r, p.rows().data(), k, p.panels.data(), p.stride, out, p.column, n,
                                                   p.epilogue(1, y)),
                              "columns, rows = ", r, ", n = ", n);
                wrong.compare(p.expected(r, k, columns, 1), y, "rows = ", r, ", n = ", n, ", length = ", k);
            }
    CHECK(wrong.first() == "");
}

TEST_CASE("narrow tile: lets NaN through to its row, relu or not, and to no other") {
    const NarrowProduct p;
    std::vector<float> with_nan(p.x);
    with_nan[4] = std::numeric_limits<float>::quiet_NaN();
    for (const bool relu : {false, true}) {
        auto y = p.before;
        const float* const rows[] = {p.x.data(), with_nan.data()};
        float* const out[] = {y.data(), y.data() + p.ldy};
        const std::size_t columns = tile::narrow_forward(2, rows, 9, p.panels.data(), p.stride, out, 0, narrow_width,
                                                         {.y = y.data(), .relu = relu});
        support::Mismatch wrong;
        wrong.require(columns > 0, "some columns");
        for (std::size_t j = 0; j < columns; ++j) {
            wrong.require(!std::isnan(y[j]), "a number, column ", j, ", relu = ", relu);
            wrong.require(std::isnan(y[p.ldy + j]), "NaN, column ", j, ", relu = ", relu);
        }
        CHECK(wrong.first() == "");
    }
}
