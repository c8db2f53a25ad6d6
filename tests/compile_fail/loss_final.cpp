// expect: quantizer or loss: must not be final: its optional members could not be found
#include <tessera/loss/loss.hpp>

using namespace tessera;

#ifdef FIXED
#define FINAL
#else
#define FINAL final
#endif

template <class In, class T>
struct LastLoss FINAL : PlainLoss {
    using Scalar = T;
    using Input = In;
    static double loss(const Packed&, View<const T, In>, View<const T, In>, Cache&) { return 0; }
    static double loss_and_grad(const Packed&, View<const T, In>, View<const T, In>, View<T, In>, Cache&, Params&, T) {
        return 0;
    }
};
struct Last {
    template <class In, class T>
    using Bind = LastLoss<In, T>;
};
using Bound = BindLoss<Last, Shape<3>, float>;
Bound::Cache cache;
