#include <tessera/kernel/simd/pad_rows.hpp>

#include <doctest/doctest.h>
#include <support/numbers.hpp>

#include <cstddef>
#include <vector>

namespace kernel = tessera::kernel;
namespace simd = tessera::kernel::simd;

TEST_CASE_TEMPLATE("pad_rows, unpad_rows: zeros past the end of each row, and nothing past these is written", T, float,
                   double) {
    constexpr std::size_t W = simd::width<T>, rows = 3, width = 3 * W;
    for (std::size_t n = 1; n <= width; ++n) {
        const std::size_t ld = n + 2;
        const auto x = support::numbers<T>(rows * ld, n);
        std::vector<T> wide(rows * width, T(9)), back(rows * ld, T(7));
        kernel::pad_rows(
            rows, n, width, [&](std::size_t i) { return x.data() + i * ld; }, wide.data());
        kernel::unpad_rows(rows, n, width, static_cast<const T*>(wide.data()),
                           [&](std::size_t i) { return back.data() + i * ld; });
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t c = 0; c < width; ++c) {
                CAPTURE(n);
                CAPTURE(i);
                CAPTURE(c);
                CHECK(wide[i * width + c] == (c < n ? x[i * ld + c] : T(0)));
            }
            for (std::size_t c = 0; c < ld; ++c) CHECK(back[i * ld + c] == (c < n ? x[i * ld + c] : T(7)));
        }
    }
}
