// expect: layer: resize_cache: expected `static void resize_cache\(Cache&, std::size_t batch\)`
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
    static void resize_cache(Cache&, std::size_t) {}
#else
    static void resize_cache(std::size_t, Cache&) {}
#endif
};
struct WithHook {
    template <class In, class T>
    using Bind = WithHookLayer<In, T>;
};
nn::Chain<Shape<3, 2>, WithHook>::Cache cache;
