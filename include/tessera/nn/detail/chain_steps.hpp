#pragma once
// The steps of a Chain (nn/step.hpp). Its memory is that of its layers, plus the rows between two of them. Layers that
// are the identity outside training are left out.

#include <tessera/nn/detail/stepper.hpp>
#include <tessera/nn/step.hpp>

#include <cstddef>
#include <tuple>
#include <utility>

namespace tessera::inline TESSERA_ABI::nn::detail {

template <class T, class Parts, class Indices = std::make_index_sequence<Parts::count>>
struct ChainSteps;
template <class T, class Parts, std::size_t... M>
struct ChainSteps<T, Parts, std::index_sequence<M...>> {
    template <std::size_t J>
    using At = typename Parts::template At<J>;
    template <std::size_t J>
    using StepperAt = Stepper<At<J>, typename Parts::template SpecAt<J>>;
    template <std::size_t J>
    using BetweenAt = Between<T, TokenRow<typename At<J>::Output>, StepperAt<J>::replicated>;

    // The layer that computes y: the last one that is not an identity.
    static constexpr std::size_t last = [] {
        std::size_t found = 0;
        ((nn::steps<At<M>>.identity ? found : found = M), ...);
        return found;
    }();
    static constexpr bool can_step = (CanStep<At<M>> && ...);
    static constexpr Steps steps{.sharing = nn::steps<At<last>>.sharing == Sharing::replicated ? Sharing::replicated
                                                                                               : Sharing::custom,
                                 .composite = true,
                                 .add_y = nn::steps<At<last>>.add_y || fuses<At<last>>.add_y};

    struct State {
        explicit State(const Capacity& capacity) : layers{typename StepperAt<M>::State(capacity)...} {}
        std::tuple<typename StepperAt<M>::State...> layers;
    };
    struct Scratch {
        explicit Scratch(const Capacity& capacity)
            : layers{typename StepperAt<M>::Scratch(capacity)...}, y{between<M>(capacity)...} {}
        std::tuple<typename StepperAt<M>::Scratch...> layers;
        std::tuple<BetweenAt<M>...> y;
    };

    // Layers J .. last, from x to y; identities before the last layer are skipped.
    template <std::size_t J = 0>
    static void run(const auto& w, auto x, auto y, auto& state, auto& scratch, Step& at, const T* add) {
        if constexpr (J < last && nn::steps<At<J>>.identity) {
            run<J + 1>(w, x, y, state, scratch, at, add);
        } else {
            const auto step = [&](auto to, auto... more) {
                StepperAt<J>::run(std::get<J>(w.items), x, to, std::get<J>(state.layers), std::get<J>(scratch.layers),
                                  at, more...);
            };
            if constexpr (J < last) {
                const auto mid = std::get<J>(scratch.y).view(at);
                step(mid);
                run<J + 1>(w, View<const T, TokenRow<typename At<J>::Output>>{mid}, y, state, scratch, at, add);
            } else if constexpr (steps.add_y) {
                step(y, add);
            } else {
                step(y);
            }
        }
    }

private:
    template <std::size_t J>
    static BetweenAt<J> between(const Capacity& capacity) {
        if constexpr (J < last && !nn::steps<At<J>>.identity)
            return BetweenAt<J>{capacity};
        else
            return {};
    }
};

}  // namespace tessera::nn::detail
