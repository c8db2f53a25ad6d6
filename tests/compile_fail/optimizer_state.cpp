// expect: optimizer: State and state come together: expected a parameter set State, `State& state\(\)`
#include <tessera/train/trainer.hpp>

#include <vector>

using namespace tessera;

struct Model {
    using Params = Empty;
    using Batch = std::vector<float>;
    struct Workspace {
        Rng rng;
        std::vector<double> totals;
    };
    struct Report {
        double loss = 0, grad_norm = 0;
    };
    Params weights;
    Lifetime life;
    Params& params() { return weights; }
    Rng rng() const { return Rng{}; }
    Lifetime& lifetime() { return life; }
    void loss_and_grad(const Batch&, const BatchPart&, Workspace&, Params&) const {}
    Report report(const Workspace&, std::size_t) const { return {}; }
};

struct Momentum {
    struct State {
        Param<double, Shape<1>> velocity;
        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("velocity", s.velocity...);
        }
    };
    void update(Empty&, const Empty&) {}
    State& state() { return kept; }
#ifdef FIXED
    const State& state() const { return kept; }
#endif
    State kept;
};

void train(Model& model) { Trainer{model, Momentum{}}.step({1, 2}); }
