#pragma once
// L1: absolute error, a loss policy like Mse (the same division of labour between a block and its caller).
//
//     loss = sum of |y - t|,   dy = sign(y - t) scale,   sign(0) = 0
//
// Images come out sharper than with squared errors, which prefer the mean of all that is plausible.

#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd.hpp>

#include <concepts>
#include <span>

namespace tessera::inline TESSERA_ABI {

struct L1 {
    template <std::floating_point T>
    static double loss(std::span<const T> y, std::span<const T> target) {
        return kernel::absolute_error<T>(y, target);
    }

    template <std::floating_point T>
    static double loss_and_grad(std::span<const T> y, std::span<const T> target, std::span<T> dy, T scale) {
        using V = kernel::simd::Vec<T>;
        const double sum = loss<T>(y, target);
        const V up(scale), down(-scale), zero(T(0));
        const auto slope = [&](const V& a, const V& b) {
            const V flat =
                kernel::simd::select(a == b, zero, a - b);  // NaN stays NaN: the trainer looks for it here
            return kernel::simd::select(a > b, up, kernel::simd::select(a < b, down, flat));
        };
        kernel::simd::map(dy.size(), dy.data(), slope, y.data(), target.data());
        return sum;
    }
};

}  // namespace tessera::inline TESSERA_ABI
