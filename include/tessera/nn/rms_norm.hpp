#pragma once
// RmsNorm: root mean square normalisation over the last dimension, torch.nn.RMSNorm.
//
//     n = x rstd(x),   y = weight n,   rstd = 1 / sqrt(mean(x^2) + eps)      (Zhang, Sennrich 2019, arXiv:1910.07467)
//
// Unlike LayerNorm it subtracts no mean and has no bias. eps is 1e-5, as in LayerNorm and LLaMA; PyTorch's default is
// the epsilon of the scalar. `RmsNormWith<Epsilon{.exponent = -6}>` has another one.
//
// Shapes   x, y [batch, ... x width]; each row of `width` elements is normalised separately
// Params   weight Shape<width> "weight", 1
// Errors   static_assert where eps is not 1e-1 to 1e-30
// Cost     two passes over x each way. Cached: rstd of each row; backward computes n again instead of storing it

#include <tessera/kernel/rms_norm.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

/// A small number as a template argument: Epsilon{.exponent = -6} is 1e-6. clang takes no floating-point template
/// arguments before version 18.
struct Epsilon {
    int exponent = -5;

    template <std::floating_point T>
    [[nodiscard]] constexpr T value() const {
        double power = 1;
        for (int i = 0; i > exponent; --i) power *= 10;
        return static_cast<T>(1 / power);
    }
};

template <std::size_t Width, std::floating_point T>
struct RmsNormParams {
    Param<T, Shape<Width>> weight;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
    }
};

template <StaticShape In, Epsilon E, std::floating_point T>
struct RmsNormLayer {
    static_assert(E.exponent < 0 && E.exponent >= -30, "RmsNorm: the exponent of epsilon must be -1 to -30");
    using Scalar = T;
    using Input = In;
    using Output = In;
    static constexpr std::string_view name = "RmsNorm";
    static constexpr T eps = E.template value<T>();
    static constexpr Fuses fuses{.add_dx = true};
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::replicated};

    using Params = RmsNormParams<last_dim<In>, T>;
    struct Cache {
        Tensor<T, Shape<row_count<In>>> rstd;
    };

    static void init(Params& p, Rng&) {
        p.weight.fill(T(1));
        p.weight.set_role(Role::gain);
    }
    static void forward(const Params& p, View<const T, In> x, View<T, In> y, Cache& cache) {
        cache.rstd.resize(x.batch());
        kernel::rms_norm_forward<T>(x.span(), p.weight.span(), y.span(), cache.rstd.span(), eps);
    }
    static void backward(const Params& p, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, const Cache& cache, Params& grad, const BackwardEpilogue<T>& end = {}) {
        kernel::rms_norm_backward<T>(x.span(), p.weight.span(), cache.rstd.span(), dy.span(), dx.span(),
                                     grad.weight.span(), end.add_dx);
    }
};

template <Epsilon E = Epsilon{}>
struct RmsNormWith {
    template <StaticShape In, std::floating_point T>
    using Bind = RmsNormLayer<In, E, T>;
};

/// `Residual<RmsNorm, CausalAttention<4>>`
struct RmsNorm : RmsNormWith<> {};

}  // namespace tessera::nn
