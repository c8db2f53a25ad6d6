// expect: name: expected `static constexpr std::string_view name`
#include <tessera/loss/loss.hpp>

using namespace tessera;

// A private name would not be read: a file of another loss would be loaded.
template <class In, class T>
struct NamedLoss : PlainLoss {
#ifndef FIXED
private:
#endif
    static constexpr std::string_view name = "Named";

public:
    using Scalar = T;
    using Input = In;
    static double loss(const Packed&, View<const T, In>, View<const T, In>, Cache&) { return 0; }
    static double loss_and_grad(const Packed&, View<const T, In>, View<const T, In>, View<T, In>, Cache&, Params&, T) {
        return 0;
    }
};
struct Named {
    template <class In, class T>
    using Bind = NamedLoss<In, T>;
};
using Bound = BindLoss<Named, Shape<3>, float>;
Bound::Cache cache;
