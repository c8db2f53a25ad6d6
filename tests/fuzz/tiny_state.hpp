#pragma once
// A model of three numbers with a trainer: the smallest thing that has all of a state.

#include <tessera/core/rng.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <limits>
#include <stdexcept>

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
    };
    using Batch = int;

    Params weights;
    Params& params() { return weights; }
    /// Batch 13 throws, 14 gives a loss that is no number, 15 a gradient that is none.
    Report loss_and_grad(Batch batch, Workspace& ws, Params& grad) const {
        if (batch == 13) throw std::runtime_error{"a layer of the user"};
        for (std::size_t i = 0; i < 3; ++i)
            grad.weight[i] += weights.weight[i] - static_cast<float>(batch) + ws.rng.uniform();
        if (batch == 15) grad.weight[1] = std::numeric_limits<float>::infinity();
        return {.loss = batch == 14 ? std::numeric_limits<double>::quiet_NaN() : 1.0};
    }
};
using TinyTrainer = tessera::Trainer<Tiny, tessera::AdamW<Tiny::Params>>;

/// All of its numbers, without the text around them: a hundred times faster than a file.
inline tessera::Bytes state_of(const TinyTrainer& trainer) {
    tessera::Bytes bytes;
    TinyTrainer::each_state(
        [&](const tessera::Path&, const auto& leaf) {
            const auto* begin = reinterpret_cast<const unsigned char*>(leaf.data());
            bytes.insert(bytes.end(), begin, begin + leaf.span().size_bytes());
        },
        trainer);
    return bytes;
}

}  // namespace fuzz
