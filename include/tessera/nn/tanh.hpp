#pragma once
// Tanh: hyperbolic tangent, torch.nn.Tanh.
//
//     y = tanh x,   dx = dy (1 - y^2)
//
// Shapes   x, y any shape, the same
// Cost     one tanh per element; nothing is cached, backward reads y

#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T>
struct TanhLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "Tanh";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::elementwise};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
        kernel::tanh_forward<T>(x.span(), y.span());
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, In> y, View<const T, In> dy,
                         View<T, In> dx, Cache&, Params&) {
        kernel::tanh_backward<T>(y.span(), dy.span(), dx.span());
    }
};

/// `Linear<64>, Tanh`
struct Tanh {
    template <StaticShape In, std::floating_point T>
    using Bind = TanhLayer<In, T>;
};

}  // namespace tessera::nn
