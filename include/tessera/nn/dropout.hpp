#pragma once
// Dropout (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014), inverted: nothing happens outside
// training.
//
//     y = x m,   dx = dy m,   m = 0 with the given probability, else 1 / (1 - probability)
//
// Input    any shape
// Output   the same shape
// Params   none
// Cache    the pass that was announced, and m. m of a sample depends on the pass and on the sample's index in
// the
//          batch only: neither on how the batch was cut into blocks nor on a thread

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

/// Whole percents: clang takes no floating-point template arguments before version 18.
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
    static constexpr T scale = T(65536) / static_cast<T>(keep);  // of the probability that is really drawn

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
