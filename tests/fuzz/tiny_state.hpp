#pragma once
// A model of three numbers with a trainer: the smallest model with every kind of state.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <limits>
#include <stdexcept>
#include <vector>

namespace fuzz {

struct Tiny {
    struct Params {
        tessera::Param<float, tessera::Shape<3>> weight;
        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("weight", p.weight...);
        }
    };
    struct Report {
        double loss = 0, grad_norm = 0;
    };
    struct Workspace {
        tessera::Rng rng{};
        std::vector<double> totals;
    };
    /// One sample.
    struct Batch {
        int number;
        Batch(int n) : number{n} {}
        static std::size_t size() { return 1; }
    };

    Params weights;
    tessera::Lifetime life;
    Params& params() { return weights; }
    tessera::Rng rng() const { return tessera::Rng{}; }
    tessera::Lifetime& lifetime() { return life; }
    /// Batch 13 throws, 14 gives a loss of NaN, 15 a non-finite gradient.
    void loss_and_grad(Batch one, const tessera::BatchPart&, Workspace& ws, Params& grad) const {
        const int batch = one.number;
        if (batch == 13) throw std::runtime_error{"a layer of the user"};
        for (std::size_t i = 0; i < 3; ++i)
            grad.weight[i] += weights.weight[i] - static_cast<float>(batch) + ws.rng.uniform();
        if (batch == 15) grad.weight[1] = std::numeric_limits<float>::infinity();
        ws.totals.assign(1, batch == 14 ? std::numeric_limits<double>::quiet_NaN() : 1.0);
    }
    Report report(const Workspace& ws, std::size_t samples) const {
        return {.loss = ws.totals[0] / static_cast<double>(samples)};
    }
};
using TinyTrainer = tessera::Trainer<Tiny, tessera::AdamW<Tiny::Params>>;

/// All numbers of the state without the text of a file, a hundred times faster than a file.
inline tessera::Bytes state_of(const TinyTrainer& trainer) {
    tessera::Bytes bytes;
    TinyTrainer::each_state(
        [&](const tessera::ParamPath&, const auto& leaf) {
            const auto* begin = reinterpret_cast<const unsigned char*>(leaf.data());
            bytes.insert(bytes.end(), begin, begin + leaf.span().size_bytes());
        },
        trainer);
    return bytes;
}

}  // namespace fuzz
