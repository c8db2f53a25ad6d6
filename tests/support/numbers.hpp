#pragma once
// Deterministic numbers and the distance between two arrays, for tests of kernels against a plain twin.

#include <tessera/core/rng.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace support {

/// Lengths around multiples of a vector (2 to 16 lanes).
inline constexpr std::size_t odd_sizes[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 100};

/// n numbers of a sine: amplitude sin(2.3 i + phase).
template <std::floating_point T>
std::vector<T> waves(std::size_t n, double amplitude, double phase = 0) {
    std::vector<T> x(n);
    for (std::size_t i = 0; i < n; ++i)
        x[i] = static_cast<T>(std::sin(static_cast<double>(i) * 2.3 + phase) * amplitude);
    return x;
}

/// n numbers in (-2, 2).
template <std::floating_point T>
std::vector<T> numbers(std::size_t n, std::uint64_t seed) {
    tessera::Rng rng{seed};
    std::vector<T> x(n);
    for (T& value : x) value = static_cast<T>(rng.uniform(-2.f, 2.f));
    return x;
}

/// The largest difference, in units of T's epsilon times the largest of `expected`. NaN anywhere: infinite.
template <std::floating_point T>
double distance(const std::vector<T>& expected, const std::vector<T>& got) {
    if (expected.size() != got.size()) return std::numeric_limits<double>::infinity();
    double largest = 1e-30, error = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
        const double e = std::abs(static_cast<double>(expected[i]) - static_cast<double>(got[i]));
        if (!(e <= error)) error = std::isnan(e) ? std::numeric_limits<double>::infinity() : e;
    }
    return error / (largest * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

}  // namespace support
