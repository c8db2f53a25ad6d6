#pragma once
// Optional members of the layer contract are refused, never ignored: a member with the name of one must be callable as
// the contract says. Otherwise a `begin(Cache&, Pass&)` would compile and never be called.

#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/detail/hook_names.hpp>
#include <tessera/nn/detail/stepper.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::nn::detail {

template <class L>
concept HasPack = requires(const typename L::Params& params, typename L::Packed& packed) {
    requires std::default_initializable<typename L::Packed>;
    L::pack(params, packed);
};
template <class L>
concept HasInputScalar = requires {
    typename L::InputScalar;
};
template <class L>
concept HasBackwardParams = requires(const Weights<L>& w, InputView<L> x,
                                     View<const typename L::Scalar, typename L::Output> y, typename L::Cache& cache,
                                     typename L::Params& grad) {
    L::backward_params(w, x, y, y, cache, grad);
};
template <class L>
concept HasNumberOfRounds = HasRounds<L> && requires {
    typename std::integral_constant<std::size_t, L::rounds>;
};
template <class L>
concept HasResizeCache = requires(typename L::Cache& cache, std::size_t batch) {
    L::resize_cache(cache, batch);
};
template <class L>
concept HasBegin = requires(typename L::Cache& cache, const Pass& pass) {
    L::begin(cache, pass);
};
template <class L>
concept HasState = std::constructible_from<typename L::State, const Capacity&>;
template <class L>
concept HasScratch = std::constructible_from<typename L::Scratch, const Capacity&>;
template <class L>
concept HasPackForward = requires(const typename L::Params& params, typename L::Packed& packed) {
    L::pack_forward(params, packed);
};
template <class L>
concept HasAddPackJobs = requires(const typename L::Params& params, Weights<L>& packed, PackJobs& jobs) {
    L::add_pack_jobs(params, packed, jobs);
};
template <class L>
concept HasSteps = std::same_as<const Steps, std::remove_reference_t<decltype((L::steps))>> && requires {
    typename std::bool_constant<L::steps.per_token>;
};
template <class L>
concept HasFuses = std::same_as<const Fuses, std::remove_reference_t<decltype((L::fuses))>> && requires {
    typename std::bool_constant<L::fuses.add_y>;
};

// If a layer of a chain cannot step, the chain's State does not compile; it is not used then.
template <class L>
inline constexpr bool skips_memory = nn::steps<L>.composite && !CanStep<L>;

// Concepts, because a disjunction of constraints stops at the first one that holds. With the same disjunction of bools
// clang 14 would instantiate that State.
template <class L>
concept StateFits = !NamesState<L> || skips_memory<L> || HasState<L>;
template <class L>
concept ScratchFits = !NamesScratch<L> || skips_memory<L> || HasScratch<L>;
template <class L>
concept StepFits = (!NamesStep<L> && !NamesState<L> && !NamesScratch<L>) || skips_memory<L> || StepsItself<L>;

/// A failed assertion names the hook and the expected signature.
template <class L>
struct HooksFit {
    static_assert(!std::is_final_v<L>, "layer: must not be final: its optional members could not be found");
    static_assert((!NamesPacked<L> && !NamesPack<L>) || HasPack<L>,
                  "layer: pack: expected `struct Packed`, default-initialisable, and `static void pack(const "
                  "Params&, Packed&)`");
    static_assert(!NamesInputScalar<L> || HasInputScalar<L>, "layer: InputScalar: expected a type");
    static_assert(!NamesBackwardParams<L> || HasBackwardParams<L>,
                  "layer: backward_params: expected `static void backward_params(const Params& or Packed&, View<const "
                  "InputScalar, Input> x, View<const Scalar, Output> y, View<const Scalar, Output> dy, Cache&, Params& "
                  "grad)`");
    static_assert(!NamesForwardRound<L> || HasRounds<L>,
                  "layer: forward_round: expected `static void forward_round(const Params& or Packed&, "
                  "View<const InputScalar, Input> x, View<Scalar, Output> y, Cache&, nn::Round)`");
    static_assert(!NamesRounds<L> || HasNumberOfRounds<L>,
                  "layer: rounds: expected `static constexpr std::size_t rounds` and a forward_round");
    static_assert(!NamesResizeCache<L> || HasResizeCache<L>,
                  "layer: resize_cache: expected `static void resize_cache(Cache&, std::size_t batch)`");
    static_assert(!NamesBegin<L> || HasBegin<L>, "layer: begin: expected `static void begin(Cache&, const nn::Pass&)`");
    static_assert(!NamesFuses<L> || HasFuses<L>, "layer: fuses: expected `static constexpr nn::Fuses fuses`");
    static_assert(!NamesSteps<L> || HasSteps<L>, "layer: steps: expected `static constexpr nn::Steps steps`");
    static_assert(StateFits<L>, "layer: State: expected a type that is made from a const nn::Capacity&");
    static_assert(ScratchFits<L>, "layer: Scratch: expected a type that is made from a const nn::Capacity&");
    static_assert(StepFits<L>,
                  "layer: step: expected `static void step(const Params& or Packed&, View<const InputScalar, "
                  "TokenRow<Input>> x, View<Scalar, TokenRow<Output>> y, State&, Scratch&, const nn::Step&)`, "
                  "without those of State and Scratch that the layer does not have");
    static_assert(!NamesPackForward<L> || HasPackForward<L>,
                  "layer: pack_forward: expected `static void pack_forward(const Params&, Packed&)` and a pack");
    static_assert(!NamesAddPackJobs<L> || HasAddPackJobs<L>,
                  "layer: add_pack_jobs: expected `static void add_pack_jobs(const Params&, Packed&, nn::PackJobs&)`");
};

}  // namespace tessera::nn::detail
