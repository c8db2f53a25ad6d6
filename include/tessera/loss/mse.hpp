#pragma once
// Mse: squared error, torch.nn.MSELoss, summed.
//
//     loss = sum of (y - t)^2,   dy = 2 (y - t) scale
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
struct MseLoss : PlainLoss {
    static constexpr std::string_view name = "Mse";
    static constexpr bool zero_at_target = true;
    using Scalar = T;
    using Input = In;

    static double loss(const Packed&, View<const T, In> y, View<const T, In> target, Cache&) {
        return kernel::squared_error<T>(y.span(), target.span());
    }
    static double loss_and_grad(const Packed& w, View<const T, In> y, View<const T, In> target, View<T, In> dy,
                                Cache& cache, Params&, T scale) {
        const double sum = loss(w, y, target, cache);
        const kernel::simd::Vec<T> factor(2 * scale);
        kernel::simd::map(
            dy.span().size(), dy.data(), [&](const auto& a, const auto& b) { return factor * (a - b); }, y.data(),
            target.data());
        return sum;
    }
};

struct Mse {
    template <StaticShape In, std::floating_point T>
    using Bind = MseLoss<In, T>;
};

}  // namespace tessera
