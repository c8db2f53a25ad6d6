// expect: Trainer: observe, update and Statistics come together: expected `observe\(Workspace&, const BatchPart&
#include <tessera/optim/adamw.hpp>
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

    using Statistics = Empty;
#ifdef FIXED
    void observe(Workspace&, const BatchPart&, Statistics&) const {}
#else
    void observe(Workspace&, const BatchPart&, Statistics&) {}  // changes the model
#endif
    void update(Workspace&, const Statistics&) {}
};

void train(Model& model) { Trainer{model, AdamW<Empty>{}}.step({1, 2}); }
