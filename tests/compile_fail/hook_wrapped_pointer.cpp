// expect: io: wrapped: expected `const Model& wrapped\(\) const`
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/io/save.hpp>

using namespace tessera;

struct Inner {
    NamedValues metadata() const { return {{"heads", "4"}}; }
};

// A pointer has no metadata: that of the inner model would be neither saved nor compared.
struct Outer {
    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        f("weight", models.weight...);
    }
#ifdef FIXED
    const Inner& wrapped() const { return inner; }
#else
    const Inner* wrapped() const { return &inner; }
#endif
    Inner inner;
    Param<float, Shape<3>> weight;
};
Bytes bytes(const Outer& outer) { return io::collect(outer).bytes(); }
