#include <tessera/train/trainable.hpp>

#include <doctest/doctest.h>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/vq/fsq.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

using namespace tessera;

namespace trainable_test {

namespace {

using Vae = support::TinyVae<float>;
using Prior = Gpt<support::tiny_gpt>;
using FsqVae = VqVae<support::TinyEncoder<float>, Fsq<4, 4, 4, 4>, support::TinyDecoder<float>>;

static_assert(Trainable<Vae> && Trainable<FsqVae> && Trainable<Prior> && !Trainable<int>);
static_assert(Prepares<Vae> && LearnsStatistics<Vae> && !Prepares<Prior> && !LearnsStatistics<Prior>);
static_assert(LearnsStatistics<FsqVae>);
static_assert(std::same_as<detail::model_statistics<Prior>::type, Empty>);
static_assert(std::same_as<detail::model_statistics<Vae>::type, Vae::Statistics>);

// A hook is seen by its name, and refused where it cannot be called.
struct Half {
    using Params = Empty;
    using Batch = std::span<const float>;
    struct Workspace {};
    void undo_prepare(Workspace&);  // may throw
    void prepare(Batch, const BatchPart&, Workspace&, detail::GatherNothing);
    using Statistics = Empty;
    void observe(Workspace&, const BatchPart&, Statistics&) const;  // nothing applies it
    template <class F>
    void each_state(F&& f);  // not static
};
static_assert(detail::names_prepare<Half> && !Prepares<Half> && detail::names_statistics<Half> &&
              !LearnsStatistics<Half>);
static_assert(detail::names_each_state<Half> && !detail::VisitsState<Half>);
static_assert(!detail::names_prepare<Prior> && !detail::names_statistics<Prior>);
static_assert(detail::names_each_state<Prior> && detail::VisitsState<Prior> && detail::VisitsState<Vae>);

// Batches that are no class, are final, or have a mask.
struct Final final {
    bool has_mask() const;
};
struct FinalNotConst final {
    bool has_mask();
};
static_assert(!detail::names_has_mask<const float*>() && !detail::names_has_mask<Half::Batch>());
static_assert(detail::names_has_mask<Final>() && detail::SaysHasMask<Final>);
static_assert(detail::names_has_mask<FinalNotConst>() && !detail::SaysHasMask<FinalNotConst>);
static_assert(detail::names_has_mask<Vae::Batch>() && detail::SaysHasMask<Vae::Batch>);
static_assert(!detail::names_has_mask<Prior::Batch>() && !detail::SaysHasMask<Prior::Batch>);

}  // namespace

TEST_CASE("Trainable: with one process, gather returns its own rows") {
    const std::vector<float> rows{1, 2, 3};
    std::vector<float> all;
    CHECK(detail::GatherNothing{}(std::span<const float>{rows}, all).data() == rows.data());
    CHECK(all.empty());
}

}  // namespace trainable_test
