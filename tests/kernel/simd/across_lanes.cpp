#include <tessera/kernel/simd/across_lanes.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using support::numbers;
using support::odd_sizes;
namespace simd = tessera::kernel::simd;

namespace {

/// A reduction in plain scalars, over 16 lanes and the tree 8, 4, 2, 1.
template <class T, class Combine>
T in_lanes(const std::vector<T>& x, T start, Combine combine) {
    std::array<T, 16> lane;
    lane.fill(start);
    for (std::size_t i = 0; i < x.size(); ++i) lane[i % 16] = combine(lane[i % 16], x[i]);
    for (std::size_t half = 8; half > 0; half /= 2)
        for (std::size_t i = 0; i < half; ++i) lane[i] = combine(lane[i], lane[i + half]);
    return lane[0];
}

}  // namespace

TEST_CASE_TEMPLATE("across_lanes: sum has the bits of 16 lanes and a fixed tree", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : odd_sizes) {
        const auto a = numbers<T>(n, 1), b = numbers<T>(n, 2);
        std::vector<T> f(n);
        for (std::size_t i = 0; i < n; ++i) f[i] = a[i] - b[i];
        const T sum = simd::sum<T>(
            n, [](const auto& x, const auto& y) { return x - y; }, a.data(), b.data());
        wrong.compare(in_lanes<T>(f, T(0), [](T x, T y) { return x + y; }), sum, "n = ", n);
    }
    CHECK(wrong.first() == "");
    CHECK(simd::sum<T>(
              0, [](const auto& x) { return x; }, static_cast<const T*>(nullptr)) == T(0));
}

TEST_CASE_TEMPLATE("across_lanes: largest finds the largest number, wherever it is", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : odd_sizes)
        for (std::size_t i = 0; i < n; ++i) {
            auto a = numbers<T>(n, 1);
            for (T& x : a) x -= 10;  // all negative: a lane that starts at zero would win
            a[i] = T(-1);
            wrong.compare(T(-1), simd::largest(n, a.data()), "n = ", n, ", largest at ", i);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("across_lanes: a NaN in a sum is a NaN in the result, in the body and in the tail") {
    support::Mismatch wrong;
    for (std::size_t i : {0u, 15u, 16u, 32u}) {
        auto a = numbers<float>(33, 1);
        a[i] = std::numeric_limits<float>::quiet_NaN();
        wrong.require(std::isnan(simd::sum<float>(
                          33, [](const auto& x) { return x; }, a.data())),
                      "NaN of the sum, NaN at ", i);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("across_lanes: every lane has the largest and the sum of all", T, float, double) {
    constexpr std::size_t W = simd::width<T>;
    support::Mismatch wrong;
    for (std::size_t best = 0; best < W; ++best) {
        std::array<T, W> a, all;
        for (std::size_t i = 0; i < W; ++i) a[i] = i == best ? T(100) : static_cast<T>(i);
        simd::store(all.data(), simd::across<T>(simd::load(a.data()), [](const auto& x, const auto& y) {
                        return simd::detail::Larger{}(x, y);
                    }));
        for (const T v : all) wrong.compare(T(100), v, "largest, in lane ", best);
        simd::store(all.data(), simd::across<T>(simd::load(a.data()), simd::detail::Add{}));
        for (const T v : all) wrong.compare(static_cast<T>(100 + W * (W - 1) / 2 - best), v, "sum, 100 in lane ", best);
    }
    CHECK(wrong.first() == "");
}
