#include <tessera/kernel/attention/attention_tile.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace attention = tessera::kernel::attention;
using tessera::kernel::simd::fma;

namespace {

template <attention::ProductOrder order>
std::string difference(std::size_t r, std::size_t nv, std::size_t depth, bool onto, bool factor) {
    constexpr std::size_t lda = 40, ldb = 2 * attention::W + 5, ldc = 3 * attention::W;
    const auto a = support::numbers<float>(40 * lda, 1), b = support::numbers<float>(40 * ldb, 2),
               scale = support::numbers<float>(r, 3);
    auto c = support::numbers<float>(r * ldc, 4), expected = c;
    for (std::size_t i = 0; i < r; ++i)
        for (std::size_t j = 0; j < nv * attention::W; ++j) {
            float sum = onto ? c[i * ldc + j] : 0;
            for (std::size_t k = 0; k < depth; ++k)
                sum = fma(order == attention::ProductOrder::across ? a[i * lda + k] : a[k * lda + i], b[k * ldb + j],
                          sum);
            expected[i * ldc + j] = factor ? sum * scale[i] : sum;
        }
    attention::product<order>(r, nv, depth, {a.data(), lda}, {b.data(), ldb}, {c.data(), ldc},
                              {.onto = onto, .factor = factor ? scale.data() : nullptr});
    return support::first_difference(expected, c);
}

}  // namespace

TEST_CASE(
    "attention tile: gives the bits of one fma after another for every height, and writes nothing outside the tile") {
    support::Mismatch wrong;
    for (std::size_t nv = 1; nv <= attention::max_vectors; ++nv)
        for (std::size_t r = 1; r <= attention::tile_rows(nv); ++r)
            for (const std::size_t depth : {0u, 1u, 2u, 7u, 32u})
                for (const bool onto : {false, true}) {
                    wrong.add(difference<attention::ProductOrder::across>(r, nv, depth, onto, false), "across, r = ", r,
                              ", nv = ", nv, ", depth = ", depth, ", onto = ", onto);
                    wrong.add(difference<attention::ProductOrder::down>(r, nv, depth, onto, depth == 7),
                              "down, r = ", r, ", nv = ", nv, ", depth = ", depth, ", onto = ", onto);
                }
    CHECK(wrong.first() == "");
}

TEST_CASE("attention tile: for_even_parts covers a range in parts whose sizes differ by one at most") {
    for (std::size_t n = 0; n < 40; ++n) {
        std::size_t next = 3, smallest = 99, largest = 0;
        attention::for_even_parts(3, 3 + n, 6, [&](std::size_t first, std::size_t count) {
            CHECK(first == next);
            next += count;
            smallest = std::min(smallest, count);
            largest = std::max(largest, count);
        });
        CHECK(next == 3 + n);
        CHECK(largest <= 6);
        CHECK((n == 0 || largest - smallest <= 1));
    }
}
