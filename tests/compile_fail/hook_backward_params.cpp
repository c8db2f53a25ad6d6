// expect: layer: backward_params: expected `static void backward_params\(const Params& or Packed&, View<const InputScalar, Input> x
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
    static void backward_params(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, Cache&,
                                Params&) {}
#else
    static void backward_params(const Params&, View<const T, In>, View<const T, In>, Cache&, Params&) {}
#endif
};
struct WithHook {
    template <class In, class T>
    using Bind = WithHookLayer<In, T>;
};
nn::Chain<Shape<3, 2>, WithHook>::Cache cache;
