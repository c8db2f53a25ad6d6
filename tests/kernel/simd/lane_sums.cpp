#include <tessera/kernel/simd/lane_sums.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace kernel = tessera::kernel;
namespace simd = tessera::kernel::simd;

namespace {

// Sixteen lanes, then halves onto halves: the order that is promised for every register width.
template <class T, class Step>
T twin(std::size_t n, Step step) {
    std::array<T, 16> lane{};
    for (std::size_t i = 0; i < n; ++i) lane[i % 16] = step(lane[i % 16], i);
    for (std::size_t half = 8; half > 0; half /= 2)
        for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

}  // namespace

TEST_CASE_TEMPLATE("lane_sums: each sum has the bits of sixteen lanes and a fixed tree", T, float, double) {
    support::Mismatch wrong;
    for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 100u}) {
        const auto x = support::numbers<T>(n, 1), y = support::numbers<T>(n, 2);
        const auto sums = kernel::lane_sums<T, 2>(
            n,
            [](auto& s, const auto& a, const auto& b) {
                s[0] = s[0] + (a - simd::Vec<T>(T(3)));  // not zero past the end
                s[1] = simd::fma<T>(a, b, s[1]);
            },
            x.data(), y.data());
        wrong.compare(twin<T>(n, [&](T s, std::size_t i) { return s + (x[i] - 3); }), sums[0], "sum 0, n = ", n);
        if (simd::has_fma)
            wrong.compare(twin<T>(n, [&](T s, std::size_t i) { return std::fma(x[i], y[i], s); }), sums[1],
                          "sum 1, n = ", n);
    }
    CHECK(wrong.first() == "");
}
