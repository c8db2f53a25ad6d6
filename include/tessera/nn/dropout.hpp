#pragma once
// Dropout: inverted dropout, torch.nn.Dropout; the identity outside training.
//
//     y = x m,   dx = dy m,   m = 0 with probability p, else 1 / (1 - p)
//                        (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014)
//
// The mask of a sample depends only on the Pass given to `begin` and on the index of the sample in the batch: neither
// on how the batch was cut into blocks nor on the thread. Without a `begin` the layer does not train.
//
// Shapes   x, y any shape, the same
// Errors   static_assert where p is not below 1 (100 percent)
// Cost     training: 0.8 ns per element for the random numbers (g++ 12), one product each way, and the mask cached, as
//          large as x. Outside training a copy; a step (nn/step.hpp) leaves the layer out

#include <tessera/kernel/dropout.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

/// A probability p as a template argument: Probability{.percent = 10} is p = 0.1. Everywhere else a probability is a
/// number in [0, 1]; here it is in whole percent, because clang takes no floating-point template arguments before
/// version 18.
struct Probability {
    std::size_t percent = 0;
};

template <StaticShape In, Probability Drop, std::floating_point T>
struct DropoutLayer {
    static_assert(Drop.percent < 100, "Dropout: the probability must be below 100 percent");
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    struct Cache {
        Pass pass;
        Tensor<T, In> mask;
    };
    static constexpr std::string_view name = "Dropout";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::elementwise, .identity = true};
    static constexpr std::uint32_t keep = static_cast<std::uint32_t>((100 - Drop.percent) * 65536 / 100);
    static constexpr T scale = T(65536) / static_cast<T>(keep);  // 1 / (1 - p) of the p that 16 random bits can draw

    static void init(Params&, Rng&) {}
    static void begin(Cache& cache, const Pass& pass) { cache.pass = pass; }

    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache& cache) {
        if (!cache.pass.training) {
            std::ranges::copy(x.span(), y.data());
            return;
        }
        cache.mask.resize(x.batch());
        for (std::size_t n = 0; n < x.batch(); ++n) {
            Rng rng = cache.pass.rng.split(cache.pass.first + n);
            const std::uint32_t key = rng.bits();
            kernel::dropout_mask<T>({key, rng.bits()}, keep, scale, cache.mask[n]);
        }
        kernel::multiply<T>(x.span(), cache.mask.span(), y.span());
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params&) {
        if (cache.pass.training)
            kernel::multiply<T>(dy.span(), cache.mask.span(), dx.span());
        else
            std::ranges::copy(dy.span(), dx.data());
    }
};

/// `Residual<LayerNorm, CausalAttention<4>, Dropout<Probability{.percent = 10}>>`
template <Probability Drop>
struct Dropout {
    template <StaticShape In, std::floating_point T>
    using Bind = DropoutLayer<In, Drop, T>;
};

}  // namespace tessera::nn
