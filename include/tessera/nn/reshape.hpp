#pragma once
// Reshape: the same elements under another shape: an image as tokens, a map as one row.
//
//     y[i] = x[i],   dx[i] = dy[i]     (row-major order)
//
// Shapes   x any shape, y [batch, D...] with the same number of elements
// Errors   static_assert where the counts of elements differ
// Cost     one copy each way; nothing is cached

#include <tessera/nn/layer.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, StaticShape Out, std::floating_point T>
struct ReshapeLayer {
    static_assert(SameSize<In, Out>, "Reshape: the two shapes must hold the same number of elements");
    using Scalar = T;
    using Input = In;
    using Output = Out;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::string_view name = "Reshape";

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, Out> y, Cache&) {
        std::ranges::copy(x.span(), y.data());
    }
    static void backward(const Params&, View<const T, In> /*x*/, View<const T, Out> /*y*/, View<const T, Out> dy,
                         View<T, In> dx, Cache&, Params&) {
        std::ranges::copy(dy.span(), dx.data());
    }
};

/// `Reshape<49, 64>`
template <std::size_t... D>
struct Reshape {
    template <StaticShape In, std::floating_point T>
    using Bind = ReshapeLayer<In, Shape<D...>, T>;
};

}  // namespace tessera::nn
