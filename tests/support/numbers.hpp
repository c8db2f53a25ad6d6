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
