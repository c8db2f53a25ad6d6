#pragma once
// reduce: sums over arrays for a loss or a norm.
//
//     sum_squares(x)            sum of x^2
//     squared_error(y, t)       sum of (y - t)^2
//     absolute_error(y, t)      sum of |y - t|
//
// A chunk of 4096 elements is summed in T over 16 virtual lanes, squares by fma; the chunks are added in double, in
// order. So the result depends neither on the width of a register nor on how well a float can hold the sum of a million
// terms.
//
// Shapes   y and t have the same length
// Cost     one pass

#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t sum_chunk = 4096;

namespace detail {
/// simd::sum whose step does the addition, accumulator = step(accumulator, a[i]...), so that it can be one fma.
template <class T, class Step, class... A>
inline T sum_in_lanes(std::size_t n, Step step, const A*... a) {
    constexpr std::size_t W = simd::width<T>, parts = simd::lanes < W ? 1 : simd::lanes / W;
    simd::Vec<T> v[parts];
    for (auto& p : v) p = simd::Vec<T>(T(0));
    std::size_t i = 0;
    for (; i + simd::lanes <= n; i += simd::lanes)
        for (std::size_t p = 0; p < parts; ++p) v[p] = step(v[p], simd::load(a + i + p * W)...);
    for (std::size_t p = 0; i < n; i += W, ++p)  // padded with zeros, which add nothing
        v[p] = step(v[p], simd::load_part(a + i, (std::min)(W, n - i))...);
    return simd::detail::tree<T>(v, simd::detail::Add{});
}

template <class T, class Step, class... A>
inline double sum_of_chunks(std::size_t n, Step step, const A*... a) {
    double total = 0;
    for (std::size_t i = 0; i < n; i += sum_chunk)
        total += static_cast<double>(sum_in_lanes<T>((std::min)(sum_chunk, n - i), step, (a + i)...));
    return total;
}
}  // namespace detail

template <std::floating_point T>
double sum_squares(std::span<const T> x) {
    return detail::sum_of_chunks<T>(
        x.size(), [](const auto& sum, const auto& v) { return simd::fma<T>(v, v, sum); }, x.data());
}

template <std::floating_point T>
double squared_error(std::span<const T> y, std::span<const T> target) {
    return detail::sum_of_chunks<T>(
        y.size(),
        [](const auto& sum, const auto& a, const auto& b) {
            const auto d = a - b;
            return simd::fma<T>(d, d, sum);
        },
        y.data(), target.data());
}

template <std::floating_point T>
double absolute_error(std::span<const T> y, std::span<const T> target) {
    return detail::sum_of_chunks<T>(
        y.size(),
        [](const auto& sum, const auto& a, const auto& b) {
            const auto d = a - b;
            return sum + (simd::max)(d, -d);
        },
        y.data(), target.data());
}

}  // namespace tessera::kernel
