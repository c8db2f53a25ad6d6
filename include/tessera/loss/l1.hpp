#pragma once
// L1: absolute error, torch.nn.L1Loss, summed.
//
//     loss = sum of |y - t|,   dy = sign(y - t) scale,   sign(0) = 0
//
// Images come out sharper than with squared errors, which prefer the mean of all plausible images.
//
// Shapes   y, target, dy [batch, Input]
// Cost     two passes over y and target; nothing is cached

#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/loss/loss.hpp>

#include <concepts>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

template <StaticShape In, std::floating_point T>
struct L1Loss : PlainLoss {
    static constexpr std::string_view name = "L1";
    static constexpr bool zero_at_target = true;
    using Scalar = T;
    using Input = In;

    static double loss(const Packed&, View<const T, In> y, View<const T, In> target, Cache&) {
        return kernel::absolute_error<T>(y.span(), target.span());
    }
    static double loss_and_grad(const Packed& w, View<const T, In> y, View<const T, In> target, View<T, In> dy,
                                Cache& cache, Params&, T scale) {
        using V = kernel::simd::Vec<T>;
        const double sum = loss(w, y, target, cache);
        const V up(scale), down(-scale), zero(T(0));
        const auto slope = [&](const V& a, const V& b) {
            const V flat = kernel::simd::select(a == b, zero, a - b);  // NaN stays NaN
            return kernel::simd::select(a > b, up, kernel::simd::select(a < b, down, flat));
        };
        kernel::simd::map(dy.span().size(), dy.data(), slope, y.data(), target.data());
        return sum;
    }
};

struct L1 {
    template <StaticShape In, std::floating_point T>
    using Bind = L1Loss<In, T>;
};

}  // namespace tessera
