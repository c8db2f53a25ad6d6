#include <tessera/kernel/simd/columns.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace kernel = tessera::kernel;
namespace simd = tessera::kernel::simd;

TEST_CASE_TEMPLATE("for_columns: every column once, whatever their number", T, float, double) {
    support::Mismatch wrong;
    for (const std::size_t n : {1u, 7u, 8u, 9u, 16u, 31u, 33u}) {
        const std::size_t rows = 5;
        const auto x = support::numbers<T>(rows * n, n);
        std::vector<T> sums(n, T(9)), expected(n);
        kernel::for_columns<T>(n, [&](auto zero, std::size_t c) {
            auto total = zero;
            for (std::size_t r = 0; r < rows; ++r)
                total = total + simd::load_columns<decltype(zero)>(x.data() + r * n + c);
            simd::store_columns(sums.data() + c, total);
        });
        for (std::size_t c = 0; c < n; ++c)
            for (std::size_t r = 0; r < rows; ++r) expected[c] += x[r * n + c];
        wrong.compare(expected, sums, "n = ", n);  // a sequential sum down each column: the same bits
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("where_greater, where_equal: vectors and single numbers give the same, also for NaN", T, float,
                   double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (const T a : {T(1), T(2), nan})
        for (const T b : {T(1), T(2), nan}) {
            const simd::Vec<T> va(a), vb(b), yes(T(5)), no(T(7));
            CHECK(simd::where_greater(a, b, T(5), T(7)) == (a > b ? 5 : 7));
            CHECK(simd::where_equal(a, b, T(5), T(7)) == (a == b ? 5 : 7));
            CHECK(simd::where_greater(va, vb, yes, no).get(0) == simd::where_greater(a, b, T(5), T(7)));
            CHECK(simd::where_equal(va, vb, yes, no).get(0) == simd::where_equal(a, b, T(5), T(7)));
        }
}
