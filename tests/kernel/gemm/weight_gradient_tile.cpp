#include <tessera/kernel/gemm/weight_gradient_tile.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

using support::numbers;
namespace kernel = tessera::kernel;
namespace tile = tessera::kernel::tile;

TEST_CASE("weight_gradient: adds one chain of fma to each output and to nothing else, from packed rows or pointers") {
    constexpr std::size_t most = 9, ldx = 40, offset = 3, ldo = 2 * tile::W + 5, ldg = 2 * tile::W + 1;
    std::uint32_t at[most];  // rows of g in another order than those of x
    for (std::uint32_t m = 0; m < most; ++m) at[m] = static_cast<std::uint32_t>((m * 4 + 1) % most * ldg);
    const auto x = numbers<float>(most * ldx, 1), g = numbers<float>((most + 1) * ldg, 2);
    support::Mismatch wrong;
    for (const std::size_t rows : {std::size_t{0}, std::size_t{1}, most - 1, most})
        for (std::size_t r = 1; r <= tile::max_rows; ++r)
            for (std::size_t n = 1; n <= 2 * tile::W; ++n) {
                const auto before = numbers<float>(r * ldo, 3);
                auto out = before, expected = before;
                auto from_packed = before;
                const float* a[most];
                std::vector<float> packed(most * tile::pitch);
                for (std::size_t m = 0; m < rows; ++m) {
                    a[m] = x.data() + m * ldx;
                    std::copy_n(a[m] + offset, r, packed.data() + m * tile::pitch);
                }
                tile::weight_gradient(r, a, offset, rows, g.data(), at, out.data(), ldo, n);
                tile::weight_gradient(r, packed.data(), rows, g.data(), at, from_packed.data(), ldo, n);
                for (std::size_t i = 0; i < r; ++i)
                    for (std::size_t j = 0; j < n; ++j)
                        for (std::size_t m = 0; m < rows; ++m)
                            expected[i * ldo + j] =
                                kernel::simd::fma(x[m * ldx + offset + i], g[at[m] + j], expected[i * ldo + j]);
                wrong.compare(expected, out, "rows = ", rows, ", r = ", r, ", n = ", n);
                wrong.compare(expected, from_packed, "packed, rows = ", rows, ", r = ", r, ", n = ", n);
            }
    CHECK(wrong.first() == "");
}
