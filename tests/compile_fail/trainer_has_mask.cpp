// expect: Trainer: batch: has_mask: expected `bool has_mask\(\) const`
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <vector>

using namespace tessera;

// A function that is not const would not be called: processes with and without a mask would not be refused.
struct MaskedBatch {
    std::vector<float> values, mask;
    std::size_t size() const { return values.size(); }
#ifdef FIXED
    bool has_mask() const { return !mask.empty(); }
#else
    bool has_mask() { return !mask.empty(); }
#endif
};
struct Model {
    using Params = Empty;
    using Batch = MaskedBatch;
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

void train(Model& model) { Trainer{model, AdamW<Empty>{}}.step({{1, 2}, {}}); }
