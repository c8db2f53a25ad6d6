// expect: Trainer: prepare and undo_prepare come together: expected `prepare\(Batch, const BatchPart&, Workspace&
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

    template <class Gather>
    void prepare(const Batch&, const BatchPart&, Workspace&, Gather&&) {}
#ifdef FIXED
    void undo_prepare(Workspace&) noexcept {}
#else
    void undo_prepare(Workspace&) {}  // may throw
#endif
};

void train(Model& model) { Trainer{model, AdamW<Empty>{}}.step({1, 2}); }
