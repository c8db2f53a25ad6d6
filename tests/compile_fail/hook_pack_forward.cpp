// expect: layer: pack_forward: expected `static void pack_forward\(const Params&, Packed&\)` and a pack
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
    struct Packed {};
    static void init(Params&, Rng&) {}
    static void forward(const Packed&, View<const T, In>, View<T, In>, Cache&) {}
    static void backward(const Packed&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
#ifdef FIXED
    static void pack(const Params&, Packed&) {}
    static void pack_forward(const Params&, Packed&) {}
#else
    static void pack(const Params&, Packed&) {}
    static void pack_forward(const Packed&, Packed&) {}
#endif
};
struct WithHook {
    template <class In, class T>
    using Bind = WithHookLayer<In, T>;
};
nn::Chain<Shape<3, 2>, WithHook>::Cache cache;
