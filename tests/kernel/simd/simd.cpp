#include <tessera/kernel/simd/simd.hpp>

#include <doctest/doctest.h>
#include <support/lanes.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

using support::in_lanes;
using support::odd_sizes;
using support::waves;
namespace simd = tessera::kernel::simd;

TEST_CASE_TEMPLATE("simd: map writes every element for any length, and none past the end", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : odd_sizes) {
        const auto a = waves<T>(n, 3), b = waves<T>(n, 3, 1);
        std::vector<T> out(n + 16, T(-9));
        simd::map(
            n, out.data(), [](const auto& x, const auto& y) { return x - y; }, a.data(), b.data());
        for (std::size_t i = 0; i < n; ++i) wrong.compare(a[i] - b[i], out[i], "n = ", n, ", element ", i);
        for (std::size_t i = n; i < out.size(); ++i)
            wrong.compare(T(-9), out[i], "past the end, n = ", n, ", element ", i);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("simd: map may write to its input", T, float, double) {
    auto a = waves<T>(33, 3);
    const auto before = a;
    simd::map(
        a.size(), a.data(), [](const auto& x) { return x + x; }, static_cast<const T*>(a.data()));
    support::Mismatch wrong;
    for (std::size_t i = 0; i < a.size(); ++i) wrong.compare(2 * before[i], a[i], "element ", i);
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("simd: load_part and store_part access exactly the elements they should", T, float, double) {
    support::Mismatch wrong;
    const auto a = waves<T>(simd::width<T>, 3);
    for (std::size_t n = 1; n < simd::width<T>; ++n) {
        std::vector<T> whole(simd::width<T>), part(simd::width<T>, T(5));
        const auto v = simd::load_part(a.data(), n);
        simd::store(whole.data(), v);
        simd::store_part(part.data(), v, n);
        for (std::size_t i = 0; i < whole.size(); ++i) {
            wrong.compare(i < n ? a[i] : T(0), whole[i], "load_part, n = ", n, ", lane ", i);
            wrong.compare(i < n ? a[i] : T(5), part[i], "store_part, n = ", n, ", lane ", i);
        }
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("simd: fma rounds once, for vectors and for single numbers", T, float, double) {
    if constexpr (simd::has_fma) {
        const T e = std::numeric_limits<T>::epsilon(), a = 1 + e, b = 1 - e;  // a b = 1 - e^2, rounds to 1
        CHECK(simd::fma(a, b, T(-1)) == -e * e);
        CHECK(in_lanes<T>(a, [&](const auto& v) { return simd::fma<T>(v, simd::Vec<T>(b), simd::Vec<T>(T(-1))); }) ==
              -e * e);
        CHECK(in_lanes<T>(a, [&](const auto& v) { return simd::fnma<T>(v, simd::Vec<T>(b), simd::Vec<T>(T(1))); }) ==
              e * e);
    }
}

TEST_CASE("simd: fma_lane multiplies by one lane, and rounds once") {
    support::Mismatch wrong;
    constexpr std::size_t W = simd::width<float>;
    const auto a = support::numbers<float>(W, 1), b = support::numbers<float>(W, 2), c = support::numbers<float>(W, 3);
    const auto compare = [&]<std::size_t lane>(std::index_sequence<lane>) {
        const auto got = simd::fma_lane<lane>(simd::load(a.data()), simd::load(b.data()), simd::load(c.data()));
        for (std::size_t i = 0; i < W; ++i)
            wrong.compare(simd::fma(a[lane], b[i], c[i]), got.get(i), "lane ", lane, ", element ", i);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) { (compare(std::index_sequence<I>{}), ...); }
    (std::make_index_sequence<W>{});
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("simd: divide and sqrt round as IEEE 754 says", T, float, double) {
    support::Mismatch wrong;
    const auto a = support::numbers<T>(999, 1), b = support::numbers<T>(999, 2);
    for (std::size_t i = 0; i < a.size(); ++i) {
        const T divisor = b[i] * b[i] + T(0.1);
        wrong.compare(a[i] / divisor,
                      in_lanes<T>(a[i], [&](const auto& v) { return simd::divide(v, simd::Vec<T>(divisor)); }), a[i],
                      " / ", divisor);
        wrong.compare(std::sqrt(divisor), in_lanes<T>(divisor, [](const auto& v) { return simd::sqrt(v); }), "sqrt of ",
                      divisor);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("simd: of equal zeros, or where one is NaN, max and min give the second", T, float, double) {
    const auto larger = [](T a, T b) {
        return in_lanes<T>(a, [&](const auto& v) { return (simd::max)(v, simd::Vec<T>(b)); });
    };
    const auto smaller = [](T a, T b) {
        return in_lanes<T>(a, [&](const auto& v) { return (simd::min)(v, simd::Vec<T>(b)); });
    };
    const T nan = std::numeric_limits<T>::quiet_NaN();
    CHECK(larger(1, 2) == 2);
    CHECK(larger(2, 1) == 2);
    CHECK(smaller(1, 2) == 1);
    CHECK(smaller(2, 1) == 1);
    for (const auto& f : {+larger, +smaller}) {
        CHECK(std::signbit(f(T(0), T(-0.0))));
        CHECK(!std::signbit(f(T(-0.0), T(0))));
        CHECK(std::isnan(f(1, nan)));
        CHECK(f(nan, 1) == 1);
    }
}
