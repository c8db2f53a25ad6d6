#pragma once
// Trainable: the contract of a model that a Trainer can train.
//
//   Params, Batch, Workspace, Report     the weights, the input of a step, its scratch memory, its result
//   params()                             the weights, which the optimiser changes
//   rng()                                the generator of all draws in training, unless the trainer is given a seed
//   lifetime()                           lets a trainer notice that its model was moved or destroyed
//                                        (core/lifetime.hpp)
//   loss_and_grad(batch, part, workspace, grad)
//                                        const. ADDS the gradient of (sum of losses) / part.divisor to grad, and fills
//                                        workspace.totals, a vector of double: sums over the samples of the batch,
//                                        which the trainer adds up over processes
//   report(workspace, samples)           const. The Report of workspace.totals over `samples` samples; it has `loss`
//                                        and `grad_norm`, both double, and the trainer sets the second
//   batch.size()                         samples of the batch
//   batch.has_mask()                     optional: whether it has a mask of what counts, the same in all processes
//   workspace.rng                        set by the trainer: the random stream of this step
//
// The draws of one sample depend on workspace.rng and part.first + n only, so the division of a batch among processes
// does not change them.
//
// Optional members; one that has the name but cannot be called like this is a compile error:
//   prepare(batch, part, workspace, gather), undo_prepare(workspace)
//                                        called before each loss_and_grad, for a first look at the data. gather(rows,
//                                        all) returns the rows of all processes, in `all` where there are several.
//                                        undo_prepare, noexcept, is called when the same step fails
//   Statistics, observe(workspace, part, statistics), update(workspace, statistics)
//                                        learning without a gradient. observe, const, ADDS to statistics after each
//                                        loss_and_grad; update applies the sum, once for each step of the optimiser,
//                                        and does not throw
//   each_state, metadata, settings, state_changed
//                                        see io/stateful.hpp
//
// Errors   a compile error where an optional member has the name but not the signature (ModelHooksAreCallable)

#include <tessera/core/batch_part.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/with_name.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

// The gather of one process, with which the concept tests that prepare can be called.
struct GatherNothing {
    template <class T>
    std::span<const T> operator()(std::span<const T> rows, std::vector<T>&) const {
        return rows;
    }
};

}  // namespace detail

/// Each requirement is called in a step. Nothing is required of what the model learns.
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

/// Looks at the data before a step, and can undo that.
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

struct ModelHookNames {
    int prepare, undo_prepare, Statistics, observe, update, each_state;
};
struct BatchHookNames {
    int has_mask;
};
template <class M>
inline constexpr bool names_prepare = !requires {
    &WithName<M, ModelHookNames>::prepare;
}
|| !requires { &WithName<M, ModelHookNames>::undo_prepare; };
template <class M>
inline constexpr bool names_statistics = !requires {
    &WithName<M, ModelHookNames>::Statistics;
}
|| !requires { &WithName<M, ModelHookNames>::observe; }
|| !requires { &WithName<M, ModelHookNames>::update; };
template <class M>
inline constexpr bool names_each_state = !requires {
    &WithName<M, ModelHookNames>::each_state;
};
template <class M>
concept VisitsState = requires(NoOpVisitor& f, M& model) {
    M::each_state(f, model);
};
template <class Batch>
constexpr bool names_has_mask() {
    if constexpr (!std::is_class_v<Batch>)
        return false;
    else if constexpr (std::is_final_v<Batch>)
        return requires { &Batch::has_mask; };  // not seen where it is overloaded, private or a template
    else
        return !requires { &WithName<Batch, BatchHookNames>::has_mask; };
}
template <class Batch>
concept SaysHasMask = requires(const Batch& batch) {
    { batch.has_mask() } -> std::convertible_to<bool>;
};

template <class M>
struct model_statistics {
    using type = Empty;
};
template <LearnsStatistics M>
struct model_statistics<M> {
    using type = typename M::Statistics;
};

}  // namespace detail

/// A compile error, with the expected signature, where a model has a hook that the trainer cannot call.
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
    static_assert(!detail::names_each_state<M> || detail::VisitsState<M>,
                  "Trainer: each_state: expected `template <class F, class... M> static void each_state(F&& f, M&... "
                  "models)`");
    static_assert(!detail::names_has_mask<typename M::Batch>() || detail::SaysHasMask<typename M::Batch>,
                  "Trainer: batch: has_mask: expected `bool has_mask() const`");
};

}  // namespace tessera
