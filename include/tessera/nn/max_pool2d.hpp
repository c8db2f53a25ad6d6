#pragma once
// MaxPool2d: maximum pooling, torch.nn.MaxPool2d. Padding is never the maximum.
//
//     y  = max over the window of x
//     dx = sum of the dy of those windows whose maximum this is (the first of equals)
//
// Shapes   x [batch, height x width x channels], y [batch, W.out(height) x W.out(width) x channels]
// Errors   static_assert where the input is not a Shape<height, width, channels>, or the window does not fit on the
//          padded input
// Cost     size^2 comparisons per output element. Cached: the position of each maximum in its window, as large as y

#include <tessera/kernel/pool.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/window_fits.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, Window W, std::floating_point T>
struct MaxPool2dLayer {
    static_assert(ImageShape<In>, "MaxPool2d: the input must be Shape<height, width, channels>");
    static_assert(WindowFits<In, W>, "MaxPool2d: the window must fit into the padded input");
    static constexpr std::size_t height = image_height<In>, width = image_width<In>, channels = last_dim<In>;
    using Scalar = T;
    using Input = In;
    using Output = Shape<W.out(height), W.out(width), channels>;
    using Params = Empty;
    struct Cache {
        Tensor<T, Output> position;
    };
    static constexpr std::string_view name = "MaxPool2d";
    static constexpr kernel::Pool sizes{height, width, channels, W.size, W.stride, W.pad, W.out(height), W.out(width)};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, Output> y, Cache& cache) {
        cache.position.resize(x.batch());
        for (std::size_t n = 0; n < x.batch(); ++n) kernel::max_pool_forward<T>(sizes, x[n], y[n], cache.position[n]);
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, Output> /*y*/, View<const T, Output> dy,
                         View<T, In> dx, const Cache& cache, Params&) {
        for (std::size_t n = 0; n < dx.batch(); ++n)
            kernel::max_pool_backward<T>(sizes, cache.position[n], dy[n], dx[n]);
    }
};

/// `MaxPool2d<halve2>`
template <Window W>
struct MaxPool2d {
    template <StaticShape In, std::floating_point T>
    using Bind = MaxPool2dLayer<In, W, T>;
};

}  // namespace tessera::nn
