// expect: layer: pack: expected `struct Packed`, default-initialisable, and `static void pack\(const Params&, Packed&\)`
// expect: HooksFit<WithHook
#include <tessera/nn/chain.hpp>

using namespace tessera;

template <class In, class T>
struct WithHookLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In>, View<T, In>, Cache&) {}
    static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
#ifndef FIXED
    struct Panels {};
    static void pack(const Params&, Panels&) {}  // would never be called without a Packed
#endif
};
struct WithHook {
    template <class In, class T>
    using Bind = WithHookLayer<In, T>;
};
nn::Chain<Shape<3, 2>, WithHook>::Cache cache;
