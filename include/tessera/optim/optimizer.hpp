#pragma once
// Optimizer: the concept of a type that updates parameters from a gradient.
//
//   update(params, grad)        changes params; grad stays as it is
//
// Optional members; one that has the name but cannot be called so is a compile error:
//   State, state()              a parameter set (moments, counters), saved with the trainer under the names of its
//                               leaves
//   settings()                  std::vector<Setting>: numbers that a resumed run compares (core/setting.hpp)
//   metadata()                  NamedValues: what must agree in a file (the name of the rule)

#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/core/with_name.hpp>

#include <concepts>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// update changes params, and the gradient has the same type. Not stronger, because a user's rule (plain gradient
/// descent is three lines with `P::each`) needs nothing else; not weaker, because the gradient must not change: it may
/// be logged.
template <class O, class P>
concept Optimizer = Parameters<P> && requires(O& o, P& params, const P& grad) {
    o.update(params, grad);
};

/// Keeps something from step to step, which belongs to a checkpoint.
template <class O>
concept HasOptimizerState = Parameters<typename O::State> && requires(O& o, const O& fixed) {
    { o.state() } -> std::same_as<typename O::State&>;
    { fixed.state() } -> std::same_as<const typename O::State&>;
};

namespace detail {
struct NamedState {
    int State;
};
struct NamedStateFunction {
    int state;
};
// True if O has a member State or state, with whatever signature (core/with_name.hpp).
template <class O>
inline constexpr bool names_state = !requires {
    &WithName<O, NamedState>::State;
}
|| !requires { &WithName<O, NamedStateFunction>::state; };
template <class O>
concept GivesOptimizerSettings = requires(const O& o) {
    { o.settings() } -> std::same_as<std::vector<Setting>>;
};
template <class O>
concept GivesOptimizerMetadata = requires(const O& o) {
    { o.metadata() } -> std::same_as<NamedValues>;
};
}  // namespace detail

/// static_asserts that the trainer can call each optional member that the optimiser has.
template <class O>
struct OptimizerHooksAreCallable {
    static_assert(!std::is_final_v<O>, "optimizer: must not be final: its optional members could not be found");
    static_assert(!detail::names_state<O> || HasOptimizerState<O>,
                  "optimizer: State and state come together: expected a parameter set State, `State& state()` and "
                  "`const State& state() const`");
    static_assert(!detail::names_settings<O> || detail::GivesOptimizerSettings<O>,
                  "optimizer: settings: expected `std::vector<Setting> settings() const`");
    static_assert(!detail::names_metadata<O> || detail::GivesOptimizerMetadata<O>,
                  "optimizer: metadata: expected `NamedValues metadata() const`");
};

}  // namespace tessera
