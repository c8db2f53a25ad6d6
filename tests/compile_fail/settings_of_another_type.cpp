// expect: io: settings: expected `std::vector<tessera::Setting> settings\(\) const`
#include <tessera/core/setting.hpp>
#include <tessera/io/weights.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace tessera;

struct Model {
    Param<float, Shape<2>> weight;
    double rate = 0.1;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("weight", m.weight...);
    }
#ifdef FIXED
    std::vector<Setting> settings() const { return {{"rate", "0.1"}}; }
#else
    std::vector<std::pair<std::string, double>> settings() const { return {{"rate", rate}}; }
#endif
};

void load(Model& model) { io::load("model.safetensors", model); }
