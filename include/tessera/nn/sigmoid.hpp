#pragma once
// Sigmoid: logistic function, torch.nn.Sigmoid.
//
//     y = 1 / (1 + e^-x),   dx = dy y (1 - y)
//
// Shapes   x, y any shape, the same
// Cost     one exponential per element; nothing is cached, backward reads y

#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T>
struct SigmoidLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "Sigmoid";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::elementwise};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
        kernel::sigmoid_forward<T>(x.span(), y.span());
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, In> y, View<const T, In> dy,
                         View<T, In> dx, Cache&, Params&) {
        kernel::sigmoid_backward<T>(y.span(), dy.span(), dx.span());
    }
};

/// `ConvTranspose2d<1, double4>, Sigmoid`
struct Sigmoid {
    template <StaticShape In, std::floating_point T>
    using Bind = SigmoidLayer<In, T>;
};

}  // namespace tessera::nn
