#pragma once
// Gelu: Gaussian error linear unit in the tanh form, torch.nn.GELU(approximate="tanh").
//
//     y = x/2 (1 + tanh u),   u = sqrt(2/pi) (x + 0.044715 x^3),   dx = dy dy/dx
//                                                     (Hendrycks, Gimpel 2016, arXiv:1606.08415, section 2)
//
// Shapes   x, y any shape, the same
// Cost     one tanh per element. The derivative is computed together with y and cached (as large as x), so that
//          backward is one product

#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T>
struct GeluLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    struct Cache {
        Tensor<T, In> slope;
    };
    static constexpr std::string_view name = "Gelu";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::elementwise};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache& cache) {
        cache.slope.resize(x.batch());
        kernel::gelu_with_derivative<T>(x.span(), y.span(), cache.slope.span());
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params&) {
        kernel::multiply<T>(dy.span(), cache.slope.span(), dx.span());
    }
};

/// `Linear<512>, Gelu, Linear<128>`
struct Gelu {
    template <StaticShape In, std::floating_point T>
    using Bind = GeluLayer<In, T>;
};

}  // namespace tessera::nn
