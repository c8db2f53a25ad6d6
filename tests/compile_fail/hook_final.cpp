// expect: layer: must not be final: its optional members could not be found
// expect: HooksFit<LastLayer
#include <tessera/nn/chain.hpp>

using namespace tessera;

#ifdef FIXED
#define FINAL
#else
#define FINAL final
#endif

template <class In, class T>
struct LastLayer FINAL {
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
struct Last {
    template <class In, class T>
    using Bind = LastLayer<In, T>;
};
nn::Chain<Shape<3, 2>, Last>::Cache cache;
