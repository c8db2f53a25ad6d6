#pragma once
// Silu: sigmoid-weighted linear unit, torch.nn.SiLU.
//
//     y = x s,   dx = dy s (1 + x (1 - s)),   s = sigmoid(x)      (Hendrycks, Gimpel 2016, arXiv:1606.08415)
//
// Shapes   x, y any shape, the same
// Cost     one exponential per element each way; nothing is cached, backward reads x

#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T>
struct SiluLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "Silu";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::elementwise};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
        kernel::silu_forward<T>(x.span(), y.span());
    }
    static void backward(const Params&, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache&, Params&) {
        kernel::silu_backward<T>(x.span(), dy.span(), dx.span());
    }
};

/// `GroupNorm<8>, Silu, Conv2d<64, keep3>`
struct Silu {
    template <StaticShape In, std::floating_point T>
    using Bind = SiluLayer<In, T>;
};

}  // namespace tessera::nn
