#pragma once
// Relu: rectified linear unit, torch.nn.ReLU.
//
//     y = max(x, 0),   dx = y > 0 ? dy : 0                        (Nair, Hinton 2010)
//
// Shapes   x, y any shape, the same
// Cost     one pass over memory each way; nothing is cached, backward reads y

#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T>
struct ReluLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "Relu";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::elementwise};
    static constexpr Fuses fuses{.only_masks = true};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
        kernel::relu_forward<T>(x.span(), y.span());
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, In> y, View<const T, In> dy,
                         View<T, In> dx, Cache&, Params&) {
        kernel::relu_backward<T>(y.span(), dy.span(), dx.span());
    }
};

/// `Conv2d<32, halve4>, Relu`
struct Relu {
    template <StaticShape In, std::floating_point T>
    using Bind = ReluLayer<In, T>;
};

}  // namespace tessera::nn
