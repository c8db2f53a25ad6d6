#include <tessera/kernel/simd.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace simd = tessera::kernel::simd;

namespace {

constexpr std::size_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 100};

template <class T>
std::vector<T> numbers(std::size_t n, int seed = 0) {
    std::vector<T> x(n);
    for (std::size_t i = 0; i < n; ++i)
        x[i] = static_cast<T>(std::sin(static_cast<double>(i) * 1.7 + seed) * 3);
    return x;
}

template <class T, class F>
T at(T x, F f) {
    std::array<T, simd::width<T>> y;
    simd::store(y.data(), f(simd::Vec<T>(x)));
    return y.back();
}

}  // namespace

TEST_CASE_TEMPLATE("simd: map writes every element of any length, and none behind", T, float, double) {
    bool right = true;
    for (std::size_t n : sizes) {
        const auto a = numbers<T>(n), b = numbers<T>(n, 1);
        std::vector<T> out(n + 16, T(-9));
        simd::map(
            n, out.data(), [](const auto& x, const auto& y) { return x - y; }, a.data(), b.data());
        for (std::size_t i = 0; i < n; ++i) right = right && out[i] == a[i] - b[i];
        for (std::size_t i = n; i < out.size(); ++i) right = right && out[i] == T(-9);
    }
    CHECK(right);
}

TEST_CASE_TEMPLATE("simd: map may write over what it reads", T, float, double) {
    auto a = numbers<T>(33);
    const auto before = a;
    simd::map(
        a.size(), a.data(), [](const auto& x) { return x + x; }, static_cast<const T*>(a.data()));
    bool right = true;
    for (std::size_t i = 0; i < a.size(); ++i) right = right && a[i] == 2 * before[i];
    CHECK(right);
}

TEST_CASE_TEMPLATE("simd: a part of a register reads and writes as much as it should", T, float, double) {
    bool right = true;
    const auto a = numbers<T>(simd::width<T>);
    for (std::size_t n = 1; n < simd::width<T>; ++n) {
        std::vector<T> whole(simd::width<T>), part(simd::width<T>, T(5));
        const auto v = simd::load_part(a.data(), n);
        simd::store(whole.data(), v);
        simd::store_part(part.data(), v, n);
        for (std::size_t i = 0; i < whole.size(); ++i) {
            right = right && whole[i] == (i < n ? a[i] : T(0));
            right = right && part[i] == (i < n ? a[i] : T(5));
        }
    }
    CHECK(right);
}

TEST_CASE_TEMPLATE("simd: fma rounds once, in a register and alone", T, float, double) {
    if constexpr (simd::has_fma) {
        const T e = std::numeric_limits<T>::epsilon(), a = 1 + e, b = 1 - e;  // a b = 1 - e^2, rounds to 1
        CHECK(simd::fma(a, b, T(-1)) == -e * e);
        CHECK(at<T>(a, [&](const auto& v) {
                  return simd::fma<T>(v, simd::Vec<T>(b), simd::Vec<T>(T(-1)));
              }) == -e * e);
        CHECK(at<T>(a, [&](const auto& v) {
                  return simd::fnma<T>(v, simd::Vec<T>(b), simd::Vec<T>(T(1)));
              }) == e * e);
    }
}
