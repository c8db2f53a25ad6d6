// expect: io: kind: expected `static constexpr std::string_view kind`
#include <tessera/core/param.hpp>
#include <tessera/io/save.hpp>

using namespace tessera;

// A function `kind` would not be read: the metadata would lack the name of the model.
struct Outer {
    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        f("weight", models.weight...);
    }
#ifdef FIXED
    static constexpr std::string_view kind = "outer";
#else
    static std::string_view kind() { return "outer"; }
#endif
    Param<float, Shape<3>> weight;
};
Bytes bytes(const Outer& outer) { return io::collect(outer).bytes(); }
