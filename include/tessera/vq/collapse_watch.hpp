#pragma once
// CollapseWatch: detects that the codebook has collapsed: for many steps a few vectors serve all rows.
//
//     CollapseWatch watch{Vae::codes};
//     ...
//     if (watch.add(trainer.step(batch).perplexity)) log("the codebook has collapsed");
//
//     low       perplexity - 1 < below (codes - 1)        0: one vector is chosen; codes - 1: all equally often
//     collapse  `steps` low ones in a row
//
// It belongs to the host, like the training loop, and changes no bit of a run. The perplexity of a batch cannot exceed
// the number of its rows: `below` is meant for batches with more rows than codebook vectors.
//
// Errors   ArgumentError where codes or steps is 0, or below is not in [0, 1]

#include <tessera/core/error.hpp>

#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI {

struct CollapseWatchOptions {
    double below = 0.1;       ///< share of the codebook, in [0, 1]; a step with less perplexity is low
    std::size_t steps = 100;  ///< low ones in a row that are a collapse
};

class CollapseWatch {
public:
    explicit CollapseWatch(std::size_t codes, CollapseWatchOptions options = {}) : options_{options} {
        if (codes == 0) throw ArgumentError("CollapseWatch: codes: expected at least 1, got 0");
        if (options.steps == 0) throw ArgumentError("CollapseWatch: steps: expected at least 1, got 0");
        if (!(options.below >= 0 && options.below <= 1))
            throw ArgumentError("CollapseWatch: below: " +
                                expected_got("a number in [0, 1]", std::to_string(options.below)));
        limit_ = 1 + options.below * static_cast<double>(codes - 1);
    }

    /// Call after each step. Returns true at the step that completes a collapse: once, and again only after a step in
    /// between was not low.
    bool add(double perplexity) {
        low_ = perplexity < limit_ ? low_ + 1 : 0;
        return low_ == options_.steps;
    }

    bool collapsed() const { return low_ >= options_.steps; }
    std::size_t low_steps() const { return low_; }  ///< consecutive low steps up to the last one
    double limit() const { return limit_; }         ///< a perplexity below it is low

private:
    CollapseWatchOptions options_;
    double limit_ = 1;
    std::size_t low_ = 0;
};

}  // namespace tessera
