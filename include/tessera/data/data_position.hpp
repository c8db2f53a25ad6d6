#pragma once
// DataPosition: where a run is in its data, so that it can go on there. Its state is saved with the
// trainer's.
//
//     DataPosition position{rng};
//     if (auto last = checkpoints.newest()) io::load(last->file, trainer, position);
//     while (position.passes() < epochs)
//         for (auto&& batch : batches(digits, 64, position)) {
//             trainer.step(batch);
//             if (is_time(trainer)) checkpoints.save(trainer.steps(), io::collect(trainer, position));
//         }
//
// A batch counts as done as soon as the loop has it: save after the step, not before. With the last batch of
// a pass the pass counts too. Pass p has the order of the generator's stream p.
//
// State    data.rng                   of the order
//          data.passes                passes done
//          data.next                  batches done of the pass that is under way; 0: none
//          data.size, data.examples   of that pass: another batch size would skip or repeat examples

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
    /// Draws a stream of the generator.
    explicit DataPosition(Rng& rng) : rng_{rng.fork()} {}

    std::uint64_t passes() const { return passes_; }
    /// Batches done of the pass that is under way.
    std::uint64_t next() const { return next_; }

    /// Of the pass that is under way or comes next.
    Rng order() const { return rng_.split(passes_); }
    /// ArgumentError when the pass that is under way is made of other batches.
    void check_pass(std::size_t size, std::size_t examples) const {
        if (next_ == 0 || (size == size_ && examples == examples_)) return;
        throw ArgumentError("DataPosition: in the middle of a pass: " +
                            expected_got(pass_text(size_, examples_), pass_text(size, examples)));
    }
    /// A batch of a pass of `count` batches was given out.
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
