#pragma once
// GroupNorm: group normalisation, channel last, torch.nn.GroupNorm.
//
//     n = (x - mean) rstd,   y = weight n + bias,   rstd = 1 / sqrt(var + 1e-5)
//     mean and var over all pixels and the channels / groups neighbouring channels of a group
//                                                     (Wu, He 2018, arXiv:1803.08494)
//
// Shapes   x, y [batch, ... x channels], usually [batch, height x width x channels]
// Params   weight Shape<channels> "weight", 1; bias Shape<channels> "bias", 0
// Errors   static_assert where the groups do not divide the channels
// Cost     a few passes over x each way. Cached per sample: mean and rstd of each group, repeated for each of its
//          channels (2 channels elements); and 2 channels elements of scratch memory

#include <tessera/kernel/group_norm.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/scale_and_shift.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

/// Groups divides the channels of S.
template <class S, std::size_t Groups>
concept GroupsDivideChannels = StaticShape<S> &&(Groups > 0) && (last_dim<S> % Groups == 0);

template <StaticShape In, std::size_t Groups, std::floating_point T>
struct GroupNormLayer {
    static_assert(GroupsDivideChannels<In, Groups>, "GroupNorm: the groups must divide the channels");
    using Scalar = T;
    using Input = In;
    using Output = In;
    static constexpr std::string_view name = "GroupNorm";
    static constexpr std::size_t channels = last_dim<In>;
    static constexpr T eps = T(1e-5);

    using Params = ScaleAndShift<channels, T>;
    struct Cache {
        Tensor<T, Shape<channels>> mean;
        Tensor<T, Shape<channels>> rstd;
        Tensor<T, Shape<2 * channels>> sums{1};
    };

    static void init(Params& p, Rng&) { p.init(); }
    static void forward(const Params& p, View<const T, In> x, View<T, In> y, Cache& cache) {
        cache.mean.resize(x.batch());
        cache.rstd.resize(x.batch());
        for (std::size_t n = 0; n < x.batch(); ++n)
            kernel::group_norm_forward<T>(x[n], Groups, p.weight.span(), p.bias.span(), y[n], cache.mean[n],
                                          cache.rstd[n], eps);
    }
    static void backward(const Params& p, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            kernel::group_norm_backward<T>(x[n], Groups, p.weight.span(), cache.mean[n], cache.rstd[n], dy[n], dx[n],
                                           grad.weight.span(), grad.bias.span(), cache.sums.span());
    }
};

/// `GroupNorm<8>, Silu, Conv2d<64, keep3>`
template <std::size_t Groups>
struct GroupNorm {
    template <StaticShape In, std::floating_point T>
    using Bind = GroupNormLayer<In, Groups, T>;
};

}  // namespace tessera::nn
