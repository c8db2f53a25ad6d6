// expect: check: options: this part has other Options for float than for double: pass a function that changes them
#include <tessera/loss/loss.hpp>
#include <tessera/testing/loss_check.hpp>

using namespace tessera;

template <class In, class T>
struct MyLoss : PlainLoss {
    using Scalar = T;
    using Input = In;
    struct Options {
        double weight = 1;
    };
    using Packed = Options;

    static void pack(const Empty&, const Empty&, const Options& options, Packed& w) { w = options; }
    static double loss(const Packed&, View<const T, In>, View<const T, In>, Empty&) { return 0; }
    static double loss_and_grad(const Packed&, View<const T, In>, View<const T, In>, View<T, In>, Empty&, Empty&, T) {
        return 0;
    }
};
struct My {
    template <class In, class T>
    using Bind = MyLoss<In, T>;
};

#ifdef FIXED
bool holds() {
    return bool{testing::check_loss<My, Shape<3>>({}, [](auto& options) { options.weight = 2; })};
}
#else
bool holds() { return bool{testing::check_loss<My, Shape<3>>({}, {.weight = 2})}; }
#endif
