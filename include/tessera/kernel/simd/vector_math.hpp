#pragma once
// vector_math: exp, exp2, sigmoid and tanh of whole vectors.
//
// They are our own polynomials on fma, so that AVX2 and AVX-512 give the same bits (and twice as fast as xsimd 8.1's).
// In double, which only the gradient checks use, they call the standard library for each lane.

#include <tessera/kernel/simd/simd.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel::simd {

namespace detail {
template <class F>
inline Vec<double> each_lane(const Vec<double>& x, F f) {
    alignas(64) double a[width<double>];
    store(a, x);
    for (double& v : a) v = f(v);
    return load(static_cast<const double*>(a));
}
}  // namespace detail

namespace detail {
struct Exp {
    Vec<float> p, scale;  ///< e^x = p * scale, scale a power of two
};
// The second operand of max and min is the one that comes back when one is NaN: in this order NaN stays NaN.
[[gnu::__always_inline__]] inline Exp exp_of(const Vec<float>& x) {
    const Vec<float> c = (simd::min)(Vec<float>(88.f), (simd::max)(Vec<float>(-87.f), x));
    const Vec<float> magic(12583039.f);  // 1.5 * 2^23 + 127: the low bits are n and the bias of an exponent
    const Vec<float> shifted = simd::fma<float>(c, Vec<float>(1.44269504088896341f), magic);
    const Vec<float> n = shifted - magic;
    Vec<float> r = simd::fma<float>(n, Vec<float>(-0.693359375f), c);
    r = simd::fma<float>(n, Vec<float>(2.12194440e-4f), r);
    Vec<float> p(1.9875691500e-4f);
    p = simd::fma<float>(p, r, Vec<float>(1.3981999507e-3f));
    p = simd::fma<float>(p, r, Vec<float>(8.3334519073e-3f));
    p = simd::fma<float>(p, r, Vec<float>(4.1665795894e-2f));
    p = simd::fma<float>(p, r, Vec<float>(1.6666665459e-1f));
    p = simd::fma<float>(p, r, Vec<float>(5.0000001201e-1f));
    p = simd::fma<float>(p, r * r, r) + Vec<float>(1.f);
    // times 2^n; a sum of exponents is as fast, but turned a NaN with a payload into a number
    return {p, detail::bits_as<float>(detail::bits_as<std::int32_t>(shifted) << 23)};
}
}  // namespace detail

/// e^x, clamped to [-87, 88] so that the result is a normal number; 0.99 ulp (Cephes' degree 5 on [-ln2/2, ln2/2]).
template <class T>
inline Vec<T> exp(const Vec<T>& x) {
    if constexpr (std::same_as<T, float>) {
        const auto e = detail::exp_of(x);
        return e.p * e.scale;
    } else {
        return detail::each_lane(x, [](double v) { return std::exp(v); });
    }
}
/// 1 + e^x, with the bits of that sum: the product with a power of two is exact, so the fma rounds once as well.
template <class T>
inline Vec<T> one_plus_exp(const Vec<T>& x) {
    if constexpr (std::same_as<T, float>) {
        const auto e = detail::exp_of(x);
        return simd::fma<float>(e.p, e.scale, Vec<float>(1.f));
    } else {
        return Vec<T>(T(1)) + simd::exp<T>(x);
    }
}

/// 2^x for x <= 0, clamped to -126: 12 operations where exp takes 15. For softmax, whose factor of log2 e goes into the
/// queries.
[[gnu::__always_inline__]] inline Vec<float> exp2_below(Vec<float> x) {
    const Vec<float> c = (simd::max)(Vec<float>(-126.f), x);
    const Vec<float> magic(12583039.f);  // 1.5 * 2^23 + 127: the low bits are n and the bias of an exponent
    const Vec<float> shifted = c + magic;
    const Vec<float> r = c - (shifted - magic);
    Vec<float> p(1.5352702e-4f);
    p = simd::fma<float>(p, r, Vec<float>(1.3398874e-3f));
    p = simd::fma<float>(p, r, Vec<float>(9.6184369e-3f));
    p = simd::fma<float>(p, r, Vec<float>(5.5503324e-2f));
    p = simd::fma<float>(p, r, Vec<float>(2.4022648e-1f));
    p = simd::fma<float>(p, r, Vec<float>(6.9314718e-1f));
    p = simd::fma<float>(p, r, Vec<float>(1.f));
    return p * detail::bits_as<float>(detail::bits_as<std::int32_t>(shifted) << 23);
}

/// 1 / (1 + e^-x)
template <class T>
inline Vec<T> sigmoid(const Vec<T>& x) {
    return simd::divide(Vec<T>(T(1)), simd::one_plus_exp<T>(-x));
}

/// tanh x: an odd polynomial below 0.625 (Cephes), where 2 sigmoid(2x) - 1 would lose its relative accuracy.
template <class T>
inline Vec<T> tanh(const Vec<T>& x) {
    if constexpr (std::same_as<T, float>) {
        const Vec<float> s = x * x;
        Vec<float> p(-5.70498872745e-3f);
        p = simd::fma<float>(p, s, Vec<float>(2.06390887954e-2f));
        p = simd::fma<float>(p, s, Vec<float>(-5.37397155531e-2f));
        p = simd::fma<float>(p, s, Vec<float>(1.33314422036e-1f));
        p = simd::fma<float>(p, s, Vec<float>(-3.33332819422e-1f));
        p = simd::fma<float>(p * s, x, x);
        const Vec<float> outer = Vec<float>(1.f) - simd::divide(Vec<float>(2.f), simd::one_plus_exp<float>(x + x));
        return simd::select(simd::abs(x) < Vec<float>(0.625f), p, outer);
    } else {
        return detail::each_lane(x, [](double v) { return std::tanh(v); });
    }
}

}  // namespace tessera::kernel::simd
