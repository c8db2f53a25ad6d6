#pragma once
// How a Chain binds its specs, from left to right, two at a time where they are a FusedPair.

#include <tessera/nn/detail/hooks.hpp>
#include <tessera/nn/fused_pair.hpp>
#include <tessera/nn/layer.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace tessera::inline TESSERA_ABI::nn::detail {

// Used after an error: a layer that does nothing and keeps the shape, so that one mistake prints one message.
template <class T, class In>
struct Broken {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In>, View<T, In>, Cache&) {}
    static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
};

template <class T, class In, class Spec>
struct bind_or_broken {
    using type = Broken<T, In>;
};
template <class T, class In, class Spec>
    requires LayerSpec<Spec, In, T>
struct bind_or_broken<T, In, Spec> {
    using type = typename Spec::template Bind<In, T>;
};

// Names one spec and its input shape, not the whole list, to keep messages short.
template <class T, class Gets, class Spec>
struct Link {
    static_assert(LayerSpec<Spec, Gets, T>, "Chain: not a valid LayerSpec for this input shape");
};

template <std::size_t M, class L, class S>
struct BoundPart {
    static constexpr std::size_t position = M;
    using Layer = L;
    using Spec = S;
};

template <class... P>
struct BoundParts {};

template <class T, std::size_t M, class In, class Done, class... Specs>
struct bind_all {  // no specs are left
    using Output = In;
    using Parts = Done;
};
template <class T, std::size_t M, class In, class... Done, class A, class... Rest>
struct bind_all<T, M, In, BoundParts<Done...>, A, Rest...> {
    static_assert(sizeof(Link<T, In, A>) > 0);  // clang finds no member in a class whose static_assert failed
    using L = typename bind_or_broken<T, In, A>::type;
    using Next = bind_all<T, M + 1, typename L::Output, BoundParts<Done..., BoundPart<M, L, A>>, Rest...>;
    using Output = typename Next::Output;
    using Parts = typename Next::Parts;
};
template <class T, std::size_t M, class In, class... Done, class A, class B, class... Rest>
    requires LayerSpec<FusedPair<A, B>, In, T>
struct bind_all<T, M, In, BoundParts<Done...>, A, B, Rest...> {
    using L = typename FusedPair<A, B>::template Bind<In, T>;
    using Next = bind_all<T, M + 2, typename L::Output, BoundParts<Done..., BoundPart<M, L, FusedPair<A, B>>>, Rest...>;
    using Output = typename Next::Output;
    using Parts = typename Next::Parts;
};

template <class T, class Parts>
struct Unzipped;
template <class T, class... P>
struct Unzipped<T, BoundParts<P...>> {
    static_assert(((sizeof(HooksFit<typename P::Layer>) > 0) && ...));
    static constexpr std::size_t count = sizeof...(P);
    // The largest output of a layer, in elements of one sample: an upper bound for the tensors between layers.
    static constexpr std::size_t largest = (std::max)({std::size_t{0}, P::Layer::Output::size...});
    template <std::size_t M>
    using At = typename std::tuple_element_t<M, std::tuple<P...>>::Layer;
    template <std::size_t M>
    using SpecAt = typename std::tuple_element_t<M, std::tuple<P...>>::Spec;
    template <std::size_t M>
    static constexpr std::size_t position = std::tuple_element_t<M, std::tuple<P...>>::position;

    using Params = std::tuple<typename P::Layer::Params...>;
    using Weights = std::tuple<nn::Weights<typename P::Layer>...>;
    using Caches = std::tuple<typename P::Layer::Cache...>;
    using Outputs = std::tuple<Tensor<T, typename P::Layer::Output>...>;
    using InputScalar = nn::InputScalar<At<0>>;
};

template <class T, class In, class... Specs>
struct Bound : Unzipped<T, typename bind_all<T, 0, In, BoundParts<>, Specs...>::Parts> {
    static_assert(sizeof...(Specs) > 0, "Chain: at least one layer");
    using Output = typename bind_all<T, 0, In, BoundParts<>, Specs...>::Output;
};

}  // namespace tessera::nn::detail
