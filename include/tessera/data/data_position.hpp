#pragma once
// DataPosition: the position of a run in its data, so that a resumed run continues there. It is saved with the trainer.
//
//     DataPosition position{rng};
//     if (auto last = checkpoints.newest()) io::load(last->file, trainer, position);
//     while (position.passes() < epochs)
//         for (auto&& batch : batches(digits, 64, position)) {
//             trainer.step(batch);
//             if (is_time(trainer)) checkpoints.save(trainer.steps(), io::collect(trainer, position));
//         }
//
// A batch counts as done as soon as the loop receives it: save after the step, not before. The last batch of a pass
// also completes the pass. The order of pass p is that of the generator's stream p.
//
// Its state in a file:
//          data.rng                   the generator of the order
//          data.passes                completed passes
//          data.next                  completed batches of the current pass; 0 between two passes
//          data.size, data.examples   of the current pass: another batch size would skip or repeat examples
// Errors   ArgumentError where the current pass was begun with another batch size or number of examples

#include <tessera/core/error.hpp>
#include <tessera/core/param_ref.hpp>
#include <tessera/core/path.hpp>
#include <tessera/core/rng.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace tessera::inline TESSERA_ABI::data {

class DataPosition {
public:
    /// Draws a new stream of the generator.
    explicit DataPosition(Rng& rng) : rng_{rng.fork()} {}

    std::uint64_t passes() const { return passes_; }
    /// Completed batches of the current pass.
    std::uint64_t next() const { return next_; }

    /// The generator of the order of the current pass, or of the next one between two passes.
    Rng order() const { return rng_.split(passes_); }
    /// Throws ArgumentError if the current pass was begun with other sizes.
    void check_pass(std::size_t size, std::size_t examples) const {
        if (next_ == 0 || (size == size_ && examples == examples_)) return;
        throw ArgumentError("DataPosition: in the middle of a pass: " +
                            expected_got(pass_text(size_, examples_), pass_text(size, examples)));
    }
    /// Counts the batch `index` of a pass of `count` batches as done.
    void advance(std::size_t index, std::size_t count, std::size_t size, std::size_t examples) {
        size_ = size;
        examples_ = examples;
        next_ = index + 1 == count ? 0 : index + 1;
        if (next_ == 0) ++passes_;
    }

    template <class F, class... P>
    static void each_state(F&& f, P&... positions) {
        auto named = with_prefix("data", f);
        Rng::each_state(named, positions.rng_...);
        visit_refs(named, "passes", ParamRef{positions.passes_}...);
        visit_refs(named, "next", ParamRef{positions.next_}...);
        visit_refs(named, "size", ParamRef{positions.size_}...);
        visit_refs(named, "examples", ParamRef{positions.examples_}...);
    }

private:
    static std::string pass_text(std::uint64_t size, std::uint64_t examples) {
        return "batches of " + std::to_string(size) + " of " + std::to_string(examples) + " examples";
    }

    Rng rng_;
    std::uint64_t passes_ = 0, next_ = 0, size_ = 0, examples_ = 0;
};

}  // namespace tessera::data

namespace tessera::inline TESSERA_ABI {
using data::DataPosition;
}  // namespace tessera
