#pragma once
// softmax: the softmax of one row.
//
//     y_i = e^(x_i - m) / s,   m = max x,   s = sum of e^(x_j - m) over 16 virtual lanes
//
// Subtracting m keeps every exponent at or below zero. Elements more than 87 below the maximum become exactly zero, so
// a logit of minus infinity is never drawn. One NaN makes the whole row NaN.
//
// Shapes   x, y [n], n > 0
// Cost     four passes over the row

#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/simd/vector_math.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
/// e^(x - m), zero where simd::exp would clamp.
template <class T>
inline simd::Vec<T> exp_below(const simd::Vec<T>& x, const simd::Vec<T>& m) {
    const simd::Vec<T> d = x - m;
    return simd::select(d < simd::Vec<T>(T(-87)), simd::Vec<T>(T(0)), simd::exp<T>(d));
}
}  // namespace detail

/// Sum of e^(x - m); writes nothing.
template <std::floating_point T>
T sum_exp(std::span<const T> x, T m) {
    const simd::Vec<T> largest(m);
    return simd::sum<T>(
        x.size(), [&](const auto& v) { return detail::exp_below<T>(v, largest); }, x.data());
}

/// y = e^(x - m), returns its sum (the same bits as sum_exp). y may be x.
template <std::floating_point T>
T exp_row(std::span<const T> x, T m, std::span<T> y) {
    const simd::Vec<T> largest(m);
    simd::map(
        x.size(), y.data(), [&](const auto& v) { return detail::exp_below<T>(v, largest); }, x.data());
    return simd::sum<T>(
        y.size(), [](const auto& v) { return v; }, static_cast<const T*>(y.data()));
}

/// y may be x; a row has at least one element.
template <std::floating_point T>
void softmax(std::span<const T> x, std::span<T> y) {
    const T s = exp_row<T>(x, simd::largest(x.size(), x.data()), y);
    const simd::Vec<T> inverse(T(1) / s);
    simd::map(
        y.size(), y.data(), [&](const auto& v) { return v * inverse; }, y.data());
}

/// In place.
template <std::floating_point T>
void softmax(std::span<T> x) {
    softmax<T>(std::span<const T>{x}, x);
}

}  // namespace tessera::kernel
