#pragma once
// AvgPool2d: average pooling, torch.nn.AvgPool2d with count_include_pad (its default): padding counts as zeros.
//
//     y = sum over the window of x / size^2,   dx = sum over the windows of dy / size^2
//
// Shapes   x [batch, height x width x channels], y [batch, W.out(height) x W.out(width) x channels]
// Errors   static_assert where the input is not a Shape<height, width, channels>, or the window does not fit on the
//          padded input
// Cost     size^2 additions per output element; nothing is cached

#include <tessera/kernel/pool.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/window_fits.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, Window W, std::floating_point T>
struct AvgPool2dLayer {
    static_assert(ImageShape<In>, "AvgPool2d: the input must be Shape<height, width, channels>");
    static_assert(WindowFits<In, W>, "AvgPool2d: the window must fit into the padded input");
    static constexpr std::size_t height = image_height<In>, width = image_width<In>, channels = last_dim<In>;
    using Scalar = T;
    using Input = In;
    using Output = Shape<W.out(height), W.out(width), channels>;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "AvgPool2d";
    static constexpr kernel::Pool sizes{height, width, channels, W.size, W.stride, W.pad, W.out(height), W.out(width)};

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, Output> y, Cache&) {
        for (std::size_t n = 0; n < x.batch(); ++n) kernel::average_pool_forward<T>(sizes, x[n], y[n]);
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, Output> /*y*/, View<const T, Output> dy,
                         View<T, In> dx, Cache&, Params&) {
        for (std::size_t n = 0; n < dx.batch(); ++n) kernel::average_pool_backward<T>(sizes, dy[n], dx[n]);
    }
};

/// `AvgPool2d<halve2>`
template <Window W>
struct AvgPool2d {
    template <StaticShape In, std::floating_point T>
    using Bind = AvgPool2dLayer<In, W, T>;
};

}  // namespace tessera::nn
