#pragma once
// LayerNorm: layer normalisation over the last dimension, torch.nn.LayerNorm.
//
//     n = (x - mean(x)) rstd(x),   y = weight n + bias,   rstd = 1 / sqrt(var(x) + 1e-5)
//                                                     (Ba, Kiros, Hinton 2016, arXiv:1607.06450)
//
// `LayerNormWith<no_bias>` has no bias (PyTorch's bias=False).
//
// Shapes   x, y [batch, ... x width]; each row of `width` elements is normalised separately
// Params   weight Shape<width> "weight", 1; bias Shape<width> "bias", 0
// Cost     a few passes over x each way. Cached: mean and rstd of each row; backward computes n again instead of
//          storing it

#include <tessera/kernel/layer_norm.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/scale_and_shift.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T, Bias B = Bias::with>
struct LayerNormLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    static constexpr std::string_view name = "LayerNorm";
    static constexpr T eps = T(1e-5);
    static constexpr Fuses fuses{.add_dx = true};
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::replicated};

    using Params = ScaleAndShift<last_dim<In>, T, B>;
    struct Cache {
        Tensor<T, Shape<row_count<In>>> mean;
        Tensor<T, Shape<row_count<In>>> rstd;
    };

    static void init(Params& p, Rng&) { p.init(); }
    static void forward(const Params& p, View<const T, In> x, View<T, In> y, Cache& cache) {
        cache.mean.resize(x.batch());
        cache.rstd.resize(x.batch());
        kernel::layer_norm_forward<T>(x.span(), p.weight.span(), p.bias.span(), y.span(), cache.mean.span(),
                                      cache.rstd.span(), eps);
    }
    static void backward(const Params& p, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, const Cache& cache, Params& grad, const BackwardEpilogue<T>& end = {}) {
        kernel::layer_norm_backward<T>(x.span(), p.weight.span(), cache.mean.span(), cache.rstd.span(), dy.span(),
                                       dx.span(), grad.weight.span(), grad.bias.span(), end.add_dx);
    }
};

/// `Residual<LayerNorm, CausalAttention<4>>`
struct LayerNorm {
    template <StaticShape In, std::floating_point T>
    using Bind = LayerNormLayer<In, T>;
};

template <Bias B>
struct LayerNormWith {
    template <StaticShape In, std::floating_point T>
    using Bind = LayerNormLayer<In, T, B>;
};

}  // namespace tessera::nn
