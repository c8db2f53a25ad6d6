#pragma once
// Mse: squared error, a loss policy.
//
//     loss = sum of (y - t)^2,   dy = 2 (y - t) scale
//
// Both are of one block of a batch: the caller passes scale = 1 / (numbers in the whole batch), adds the sums
// of its blocks in order and divides the total by the same count. The mean then does not depend on how the
// batch was cut. Spans of one call have one length. dy may be y.

#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd.hpp>

#include <concepts>
#include <span>

namespace tessera::inline TESSERA_ABI {

struct Mse {
    template <std::floating_point T>
    static double loss(std::span<const T> y, std::span<const T> target) {
        return kernel::squared_error<T>(y, target);
    }

    template <std::floating_point T>
    static double loss_and_grad(std::span<const T> y, std::span<const T> target, std::span<T> dy, T scale) {
        const double sum = loss<T>(y, target);
        const kernel::simd::Vec<T> factor(2 * scale);
        kernel::simd::map(
            dy.size(), dy.data(), [&](const auto& a, const auto& b) { return factor * (a - b); }, y.data(),
            target.data());
        return sum;
    }
};

}  // namespace tessera::inline TESSERA_ABI
