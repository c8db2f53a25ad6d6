#pragma once
// transfer: copies the weights of a net into the same net for images of another size.
//
//     struct Small : Chain<Shape<28, 28, 1>, Conv2d<32, halve4>, Relu> {};
//     struct Large : Chain<Shape<56, 56, 1>, Conv2d<32, halve4>, Relu> {};
//     nn::transfer(small, large);      Small::Params to Large::Params
//
// Both nets must have the same layers, and the parameters of each layer the same type. That holds for the convolutions
// and norms whatever the height and width, and not for a Linear over a whole image.
//
// Errors   static_assert where one net has more layers than the other, or the weights of a layer depend on the size of
//          the image
// Cost     one copy of the weights

#include <tessera/core/param.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>
#include <utility>

namespace tessera::inline TESSERA_ABI::nn {

namespace detail {
template <class P>
concept Composite = requires(P& p) {
    std::tuple_size<decltype(p.items)>::value;
};
template <class A, class B>
concept SameNumberOfLayers = (std::tuple_size_v<decltype(A::items)> == std::tuple_size_v<decltype(B::items)>);
}  // namespace detail

template <Parameters From, Parameters To>
void transfer(const From& from, To& to) {
    if constexpr (std::same_as<From, To>) {
        to = from;
    } else if constexpr (detail::Composite<From> && detail::Composite<To>) {
        static_assert(detail::SameNumberOfLayers<From, To>, "transfer: the two nets must have the same layers");
        if constexpr (detail::SameNumberOfLayers<From, To>) [&]<std::size_t... M>(std::index_sequence<M...>) {
                (nn::transfer(std::get<M>(from.items), std::get<M>(to.items)), ...);
            }
        (std::make_index_sequence<std::tuple_size_v<decltype(From::items)>>{});
    } else {
        static_assert(std::same_as<From, To>, "transfer: the weights of this layer depend on the size of the image");
    }
}

}  // namespace tessera::nn
