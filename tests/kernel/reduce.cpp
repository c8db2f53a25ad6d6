#include <tessera/kernel/reduce.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

using support::waves;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t terms[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 100, 4095, 4096, 4097, 10001};

/// Chunks of 4096, each over 16 lanes and the tree 8, 4, 2, 1, in plain scalars.
template <class T, class Step>
double in_chunks(std::size_t n, Step step) {
    double total = 0;
    for (std::size_t first = 0; first < n; first += 4096) {
        std::array<T, 16> lane{};
        for (std::size_t i = first; i < std::min(n, first + 4096); ++i) lane[i % 16] = step(lane[i % 16], i);
        for (std::size_t half = 8; half > 0; half /= 2)
            for (std::size_t k = 0; k < half; ++k) lane[k] += lane[k + half];
        total += static_cast<double>(lane[0]);
    }
    return total;
}

}  // namespace

TEST_CASE_TEMPLATE("reduce: sums have the bits of 16 lanes in chunks of 4096", T, float, double) {
    namespace simd = kernel::simd;
    support::Mismatch wrong;
    for (std::size_t n : terms) {
        const auto a = waves<T>(n, 3, 0), b = waves<T>(n, 3, 1);
        wrong.compare(in_chunks<T>(n, [&](T s, std::size_t i) { return simd::fma(a[i], a[i], s); }),
                      kernel::sum_squares<T>(a), "sum_squares, n = ", n);
        wrong.compare(in_chunks<T>(n, [&](T s, std::size_t i) { return simd::fma(a[i] - b[i], a[i] - b[i], s); }),
                      kernel::squared_error<T>(a, b), "squared_error, n = ", n);
        wrong.compare(in_chunks<T>(n, [&](T s, std::size_t i) { return s + std::abs(a[i] - b[i]); }),
                      kernel::absolute_error<T>(a, b), "absolute_error, n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("reduce: a million terms in float keep seven digits") {
    const std::vector<float> x(1000003, 0.1f);
    const double exact = 1000003 * static_cast<double>(0.1f) * static_cast<double>(0.1f);
    CHECK(std::abs(kernel::sum_squares<float>(x) / exact - 1) < 1e-6);
    CHECK(kernel::sum_squares<float>({}) == 0);
}

TEST_CASE("reduce: NaN is not lost, in the body or the tail") {
    support::Mismatch wrong;
    for (std::size_t i : {0u, 15u, 16u, 32u}) {
        auto a = waves<float>(33, 3, 0);
        const auto b = waves<float>(33, 3, 1);
        a[i] = std::numeric_limits<float>::quiet_NaN();
        wrong.require(std::isnan(kernel::sum_squares<float>(a)), "NaN of sum_squares, NaN at ", i);
        wrong.require(std::isnan(kernel::squared_error<float>(a, b)), "NaN of squared_error, NaN at ", i);
        wrong.require(std::isnan(kernel::absolute_error<float>(a, b)), "NaN of absolute_error, NaN at ", i);
        wrong.require(std::isnan(kernel::absolute_error<float>(b, a)), "NaN of absolute_error, NaN in the second at ",
                      i);
    }
    CHECK(wrong.first() == "");
}
