// expect: Chain: not a valid LayerSpec for this input shape
// expect: Square
// expect: Shape<3>
// expect: L::backward\(|member named 'backward'
#include <tessera/nn/chain.hpp>

using namespace tessera;

#ifdef FIXED
#define BACKWARD backward
#else
#define BACKWARD bakcward
#endif

template <class In, class T>
struct SquareLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In>, View<T, In>, Cache&) {}
    static void BACKWARD(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
};
struct Square {
    template <class In, class T>
    using Bind = SquareLayer<In, T>;
};
nn::Chain<Shape<3>, Square>::Cache cache;
