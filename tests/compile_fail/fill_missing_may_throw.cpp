// expect: io: fill_missing: expected `void fill_missing\(std::span<const std::string> missing\) noexcept`
#include <tessera/io/weights.hpp>

#include <span>
#include <string>

using namespace tessera;

struct Model {
    Param<float, Shape<2>> weight;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("weight", m.weight...);
    }
#ifdef FIXED
    void fill_missing(std::span<const std::string>) noexcept { weight.fill(0); }
#else
    void fill_missing(std::span<const std::string>) { weight.fill(0); }
#endif
};

void load(Model& model) { io::load("model.safetensors", {.allow_missing = {"weight"}}, model); }
