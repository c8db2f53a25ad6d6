#pragma once
// CollapseWatch: notices that a few codes serve for everything, and go on doing so.
//
//     CollapseWatch watch{Vae::codes};
//     ...
//     if (watch.add(trainer.step(batch).perplexity)) log("the codes have collapsed");
//
//     low       perplexity - 1 < below (codes - 1)        0: one code is chosen; codes - 1: all equally often
//     collapse  `steps` low ones in a row
//
// It belongs to the host, like the loop, and changes no bit of a run. The perplexity of a batch cannot exceed
// the number of its vectors: `below` is meant for batches with more vectors than codes.

#include <tessera/core/error.hpp>

#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI {

struct CollapseOptions {
    double below = 0.1;       ///< share of the codes
    std::size_t steps = 100;  ///< in a row
};

class CollapseWatch {
public:
    explicit CollapseWatch(std::size_t codes, CollapseOptions options = {}) : options_{options} {
        if (codes == 0) throw ArgumentError("CollapseWatch: codes: expected at least 1, got 0");
        if (options.steps == 0) throw ArgumentError("CollapseWatch: steps: expected at least 1, got 0");
        if (!(options.below >= 0 && options.below <= 1))
            throw ArgumentError("CollapseWatch: below: " +
                                expected_got("a number in [0, 1]", std::to_string(options.below)));
        limit_ = 1 + options.below * static_cast<double>(codes - 1);
    }

    /// After each step. True when it is the one that makes a collapse of it: told once, and again only after
    /// codes have been in use between.
    bool add(double perplexity) {
        low_ = perplexity < limit_ ? low_ + 1 : 0;
        return low_ == options_.steps;
    }

    bool collapsed() const { return low_ >= options_.steps; }
    std::size_t low_steps() const { return low_; }  ///< in a row, up to the last one
    double limit() const { return limit_; }         ///< perplexity below it is low

private:
    CollapseOptions options_;
    double limit_ = 1;
    std::size_t low_ = 0;
};

}  // namespace tessera
