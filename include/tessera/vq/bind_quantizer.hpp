#pragma once
// BindQuantizer: the quantizer that a spec binds to for the encoder's output.
//
// A spec that does not fit gives one message. The program then continues to compile with a quantizer that does nothing,
// so that one mistake prints one message.
//
// Shapes   In: the output of the encoder, which the quantizer takes
// Errors   static_assert where the spec has no Bind<Input, T>, where the bound type is not a Quantizer, or where one of
//          its optional members cannot be called as the contract says

#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

namespace detail {

template <class In, class T>
struct BrokenQuantizer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Buffers = Empty;
    using Packed = Empty;
    using Cache = Empty;
    struct Options {};
    using TokenDims = Shape<row_count<In>>;
    static constexpr std::size_t tokens = row_count<In>, codes = 1;
    static void init(Empty&, Empty&, Rng&) {}
    static void pack(const Empty&, const Empty&, const Options&, Empty&) {}
    static void forward(const Empty&, const nn::Pass&, View<const T, In>, View<Token, TokenDims>, View<T, In>, Empty&) {
    }
    static void lookup(const Empty&, View<const Token, TokenDims>, View<T, In>, Empty&) {}
    static void backward(const Empty&, View<const T, In>, View<const Token, TokenDims>, View<const T, In>,
                         View<const T, In>, View<T, In>, Empty&, Empty&) {}
};

template <class Spec, class In, class T>
concept BindsTo = requires {
    typename Spec::template Bind<In, T>;
};

// Each assertion is in a separate class: clang finds no member of a class whose static_assert has failed.
template <class Spec, class In, class T>
struct SpecBinds {
    static_assert(
        BindsTo<Spec, In, T>,
        "VqVae: not a valid QuantizerSpec for the encoder's output: expected a member template Bind<Input, T>");
};
template <class Q>
struct BoundIsQuantizer {
    static_assert(Quantizer<Q>, "VqVae: the type that the spec binds to is not a Quantizer: see vq/quantizer.hpp");
};

template <class Spec, class In, class T>
struct bind_quantizer {
    static_assert(sizeof(SpecBinds<Spec, In, T>) > 0);
    using type = BrokenQuantizer<In, T>;
};
template <class Spec, class In, class T>
    requires BindsTo<Spec, In, T>
struct bind_quantizer<Spec, In, T> {
    static_assert(sizeof(BoundIsQuantizer<typename Spec::template Bind<In, T>>) > 0);
    using type = BrokenQuantizer<In, T>;
};
template <class Spec, class In, class T>
    requires BindsTo<Spec, In, T> && Quantizer<typename Spec::template Bind<In, T>>
struct bind_quantizer<Spec, In, T> {
    using type = typename Spec::template Bind<In, T>;
    static_assert(sizeof(HooksAreCallable<type>) > 0);
};

}  // namespace detail

template <class Spec, class In, class T>
using BindQuantizer = typename detail::bind_quantizer<Spec, In, T>::type;

}  // namespace tessera::vq
