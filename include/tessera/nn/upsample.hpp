#pragma once
// Upsample: nearest-neighbour upsampling by an integer factor, torch.nn.Upsample(mode="nearest").
//
//     y(i, j) = x(i / factor, j / factor),   dx = sum of the factor^2 dy of its pixel
//
// Shapes   x [batch, height x width x channels], y [batch, factor height x factor width x channels]
// Errors   static_assert where the input is not a Shape<height, width, channels>, or the factor is 0
// Cost     one copy per output element, one addition in backward; nothing is cached

#include <tessera/kernel/pool.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/window_fits.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::size_t Factor, std::floating_point T>
struct UpsampleLayer {
    static_assert(ImageShape<In>, "Upsample: the input must be Shape<height, width, channels>");
    static_assert(Factor > 0, "Upsample: the factor must be 1 or more");
    static constexpr std::size_t height = image_height<In>, width = image_width<In>, channels = last_dim<In>;
    using Scalar = T;
    using Input = In;
    using Output = Shape<Factor * height, Factor * width, channels>;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "Upsample";

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, Output> y, Cache&) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            kernel::upsample_nearest_forward<T>(width, channels, Factor, x[n], y[n]);
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, Output> /*y*/, View<const T, Output> dy,
                         View<T, In> dx, Cache&, Params&) {
        for (std::size_t n = 0; n < dx.batch(); ++n)
            kernel::upsample_nearest_backward<T>(width, channels, Factor, dy[n], dx[n]);
    }
};

/// `Upsample<2>, Conv2d<32, keep3>`
template <std::size_t Factor>
struct Upsample {
    template <StaticShape In, std::floating_point T>
    using Bind = UpsampleLayer<In, Factor, T>;
};

}  // namespace tessera::nn
