// expect: no matching function for call to .load
// expect: const Model
#include <tessera/io/weights.hpp>

using namespace tessera;

struct Model {
    Param<float, Shape<2>> weight;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("weight", m.weight...);
    }
};

#ifdef FIXED
void load(Model& model) {
#else
void load(const Model& model) {
#endif
    io::load("model.safetensors", {.prefix = "module."}, model);
}
