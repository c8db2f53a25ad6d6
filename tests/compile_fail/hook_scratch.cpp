// expect: layer: Scratch: expected a type that is made from a const nn::Capacity&
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
#ifdef FIXED
    struct Scratch {
        explicit Scratch(const nn::Capacity&) {}
    };
    static void step(const Params&, View<const T, Shape<2>>, View<T, Shape<2>>, Scratch&, const nn::Step&) {}
#else
    struct Scratch {};
    static void step(const Params&, View<const T, Shape<2>>, View<T, Shape<2>>, Scratch&, const nn::Step&) {}
#endif
};
struct WithHook {
    template <class In, class T>
    using Bind = WithHookLayer<In, T>;
};
nn::Chain<Shape<3, 2>, WithHook>::Cache cache;
