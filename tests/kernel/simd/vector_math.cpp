#include <tessera/kernel/simd/vector_math.hpp>

#include <doctest/doctest.h>
#include <support/lanes.hpp>
#include <support/larger.hpp>
#include <support/mismatch.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using support::in_lanes;
namespace simd = tessera::kernel::simd;

namespace {

/// Largest error of f against g over lo .. hi, in units of the last place of a float.
template <class F, class G>
double worst_ulp(double lo, double hi, F f, G g) {
    constexpr std::size_t W = simd::width<float>, count = 400000 / W * W;
    double worst = 0;
    std::array<float, W> x, y;
    for (std::size_t i = 0; i < count; i += W) {
        for (std::size_t k = 0; k < W; ++k)
            x[k] = static_cast<float>(lo + (hi - lo) * static_cast<double>(i + k) / static_cast<double>(count));
        simd::store(y.data(), f(simd::load(static_cast<const float*>(x.data()))));
        for (std::size_t k = 0; k < W; ++k) {
            const double exact = g(static_cast<double>(x[k]));
            const double ulp = std::ldexp(1.0, std::ilogb(std::max(std::abs(exact), 0x1p-126)) - 23);
            worst = support::larger(worst, std::abs(static_cast<double>(y[k]) - exact) / ulp);
        }
    }
    return worst;
}

const auto exp_ = [](const auto& v) { return simd::exp<float>(v); };
const auto sigmoid_ = [](const auto& v) { return simd::sigmoid<float>(v); };
const auto tanh_ = [](const auto& v) { return simd::tanh<float>(v); };

}  // namespace

TEST_CASE("vector_math: exp is within one unit in the last place") {
    CHECK(worst_ulp(-87, 88, exp_, [](double x) { return std::exp(x); }) < (simd::has_fma ? 1.0 : 1.5));
    CHECK(worst_ulp(-1, 1, exp_, [](double x) { return std::exp(x); }) < (simd::has_fma ? 1.0 : 1.5));
    CHECK(in_lanes<float>(0.f, exp_) == 1.f);
}

TEST_CASE("one_plus_exp: the bits of 1 + exp") {
    support::Mismatch wrong;
    const auto both = [&](float x) {
        const float got = in_lanes<float>(x, [](const auto& v) { return simd::one_plus_exp<float>(v); });
        wrong.compare_bits(1.f + in_lanes<float>(x, exp_), got, "x = ", x);
    };
    for (float x = -95; x < 95; x += 0.00123f) both(x);
    for (const float x :
         {-std::numeric_limits<float>::infinity(), -0.f, 1e-40f, std::numeric_limits<float>::infinity()})
        both(x);
    CHECK(wrong.first() == "");
    CHECK(in_lanes<double>(0.5, [](const auto& v) { return simd::one_plus_exp<double>(v); }) == 1 + std::exp(0.5));
}

TEST_CASE("vector_math: sigmoid and tanh are within three units in the last place") {
    CHECK(worst_ulp(-80, 80, sigmoid_, [](double x) { return 1 / (1 + std::exp(-x)); }) < 3);
    CHECK(worst_ulp(-20, 20, tanh_, [](double x) { return std::tanh(x); }) < 3.1);
    CHECK(worst_ulp(0.001, 0.7, tanh_, [](double x) { return std::tanh(x); }) < 3.1);
    CHECK(in_lanes<float>(0.f, tanh_) == 0.f);
    CHECK(in_lanes<float>(1e-30f, tanh_) == 1e-30f);
}

TEST_CASE("vector_math: exp, sigmoid and tanh stay finite at the ends") {
    const float inf = std::numeric_limits<float>::infinity();
    CHECK(std::isnormal(in_lanes<float>(-inf, exp_)));
    CHECK(std::isfinite(in_lanes<float>(inf, exp_)));
    CHECK(in_lanes<float>(inf, exp_) > 1e38f);
    CHECK(in_lanes<float>(-inf, sigmoid_) < 1e-37f);
    CHECK(in_lanes<float>(inf, sigmoid_) == 1.f);
    CHECK(in_lanes<float>(-inf, tanh_) == -1.f);
    CHECK(in_lanes<float>(inf, tanh_) == 1.f);
}

TEST_CASE("vector_math: exp, sigmoid and tanh of NaN are NaN") {
    for (const std::uint32_t bits : {0x7fc00000u, 0x7fc00001u, 0xffc00001u, 0x7fffffffu, 0xffffffffu}) {
        const float nan = std::bit_cast<float>(bits);
        CHECK(std::isnan(in_lanes<float>(nan, exp_)));
        CHECK(std::isnan(in_lanes<float>(nan, sigmoid_)));
        CHECK(std::isnan(in_lanes<float>(nan, tanh_)));
    }
    const double dnan = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(in_lanes<double>(dnan, [](const auto& v) { return simd::exp<double>(v); })));
    CHECK(std::isnan(in_lanes<double>(dnan, [](const auto& v) { return simd::tanh<double>(v); })));
}

TEST_CASE("exp2_below: 2^x for x <= 0, never below the smallest normal number, NaN of any payload stays NaN") {
    const auto f = [](const simd::Vec<float>& x) { return simd::exp2_below(x); };
    CHECK(worst_ulp(-126, 0, f, [](double x) { return std::exp2(x); }) < 1.0);
    CHECK(in_lanes(0.f, f) == 1);
    CHECK(in_lanes(-3.f, f) == 0.125f);
    CHECK(in_lanes(-126.f, f) == std::numeric_limits<float>::min());
    for (const float low : {-127.f, -1e30f, -std::numeric_limits<float>::infinity()})
        CHECK(in_lanes(low, f) == std::numeric_limits<float>::min());
    for (const std::uint32_t bits : {0x7fc00000u, 0xffc00001u, 0x7fffffffu})
        CHECK(std::isnan(in_lanes(std::bit_cast<float>(bits), f)));
}
