// expect: Trainer: each_state: expected `template <class F, class... M> static void each_state\(F&& f, M&... models\)`
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <vector>

using namespace tessera;

// A function of one object would not be called: a checkpoint would lack the buffers of the model.
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
    Param<double, Shape<1>> mean;
    Lifetime life;
    Params& params() { return weights; }
    Rng rng() const { return Rng{}; }
    Lifetime& lifetime() { return life; }
    void loss_and_grad(const Batch&, const BatchPart&, Workspace&, Params&) const {}
    Report report(const Workspace&, std::size_t) const { return {}; }

#ifdef FIXED
    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        f("mean", models.mean...);
    }
#else
    template <class F>
    void each_state(F&& f) {
        f("mean", mean);
    }
#endif
};

void train(Model& model) { Trainer{model, AdamW<Empty>{}}.step({1, 2}); }
