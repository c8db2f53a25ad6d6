#pragma once
// The contract of a model that a Trainer can take a step of.
//
//   Params, Batch, Workspace, Report     the weights; what a step is given; what it works in; what it reports
//   params()                             the weights, which the optimiser changes
//   rng()                                what is drawn in training comes from it, unless the trainer is given a seed
//   lifetime()                           so that a trainer notices when its model has moved or is gone (core/lifetime.hpp)
//   loss_and_grad(batch, part, workspace, grad)    const. ADDS the gradient of (sum of losses) / part.divisor to grad, and
//                                        fills workspace.totals, a vector of double: sums over the samples of the batch,
//                                        which processes add up
//   report(workspace, samples)           const. What workspace.totals, of so many samples, means; `loss` and `grad_norm`
//                                        are doubles of it, and the trainer sets the second
//   batch.size()                         samples of the batch
//   workspace.rng                        set by the trainer: the stream of this step
//
// What one sample draws depends on workspace.rng and part.first + n only, so that it does not matter how a batch is shared.
//
// Optional members; one that has the name but cannot be called so is a compile error:
//   prepare(batch, part, workspace, gather), undo_prepare(workspace)      before each loss_and_grad: a first look at data.
//                                        gather(rows, all) returns the rows of all processes, in `all` where there are
//                                        several. undo_prepare, noexcept, is called when the same step fails
//   Statistics, observe(workspace, part, statistics), update(workspace, statistics)     what is learned without a
//                                        gradient. observe, const, ADDS to statistics after each loss_and_grad; update
//                                        applies the sum, once for each step of the optimiser. It does not throw
//   each_state, metadata, settings, state_changed                         see io/stateful.hpp

#include <tessera/core/batch_part.hpp>
#include <tessera/core/hook.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

// The most general thing that prepare may call.
struct GatherNothing {
    template <class T>
    std::span<const T> operator()(std::span<const T> rows, std::vector<T>&) const {
        return rows;
    }
};

}  // namespace detail

/// Not weaker: each of these is called in a step. Not stronger: nothing is said about what the model learns.
template <class M>
concept Trainable = Parameters<typename M::Params> && std::default_initializable<typename M::Workspace> &&
    requires(M& model, const M& fixed, typename M::Batch batch, const BatchPart& part, typename M::Workspace& workspace,
             typename M::Params& grad, typename M::Report& report, std::size_t samples) {
    { model.params() } -> std::same_as<typename M::Params&>;
    { fixed.rng() } -> std::convertible_to<Rng>;
    { model.lifetime() } -> std::same_as<Lifetime&>;
    { std::as_const(batch).size() } -> std::convertible_to<std::size_t>;
    { workspace.rng } -> std::convertible_to<Rng>;
    { workspace.totals } -> std::convertible_to<std::vector<double>&>;
    fixed.loss_and_grad(batch, part, workspace, grad);
    { fixed.report(std::as_const(workspace), samples) } -> std::same_as<typename M::Report>;
    { report.loss } -> std::convertible_to<double>;
    { report.grad_norm } -> std::convertible_to<double&>;
};

/// Looks at the data before a step, and can take that back.
template <class M>
concept Prepares = requires(M& model, typename M::Batch batch, const BatchPart& part,
                            typename M::Workspace& workspace) {
    model.prepare(batch, part, workspace, detail::GatherNothing{});
    { model.undo_prepare(workspace) }
    noexcept;
};

/// Learns something without a gradient.
template <class M>
concept LearnsStatistics = Parameters<typename M::Statistics> &&
    requires(M& model, const M& fixed, const BatchPart& part, typename M::Workspace& workspace,
             typename M::Statistics& statistics) {
    fixed.observe(workspace, part, statistics);
    model.update(workspace, std::as_const(statistics));
};

namespace detail {

struct NamedPrepare {
    int prepare;
};
struct NamedUndoPrepare {
    int undo_prepare;
};
struct NamedModelStatistics {
    int Statistics;
};
struct NamedModelObserve {
    int observe;
};
struct NamedModelUpdate {
    int update;
};
template <class M>
inline constexpr bool names_prepare = !requires {
    &WithName<M, NamedPrepare>::prepare;
}
|| !requires { &WithName<M, NamedUndoPrepare>::undo_prepare; };
template <class M>
inline constexpr bool names_statistics = !requires {
    &WithName<M, NamedModelStatistics>::Statistics;
}
|| !requires { &WithName<M, NamedModelObserve>::observe; }
|| !requires { &WithName<M, NamedModelUpdate>::update; };

template <class M>
struct model_statistics {
    using type = Empty;
};
template <LearnsStatistics M>
struct model_statistics<M> {
    using type = typename M::Statistics;
};

}  // namespace detail

/// Fails, with its sentence, where a model has a hook that the trainer could not call.
template <class M>
struct ModelHooksAreCallable {
    static_assert(!std::is_final_v<M>,
                  "Trainer: the model: must not be final: its optional members could not be found");
    static_assert(
        !detail::names_prepare<M> || Prepares<M>,
        "Trainer: prepare and undo_prepare come together: expected `prepare(Batch, const BatchPart&, Workspace&, "
        "auto gather)`, and `undo_prepare(Workspace&) noexcept`");
    static_assert(
        !detail::names_statistics<M> || LearnsStatistics<M>,
        "Trainer: observe, update and Statistics come together: expected `observe(Workspace&, const BatchPart&, "
        "Statistics&) const`, `update(Workspace&, const Statistics&)`, and a parameter set Statistics");
};

}  // namespace tessera
