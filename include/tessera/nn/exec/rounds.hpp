#pragma once
// rounds: a forward pass of few samples by a team of threads, which shares one layer in each round.
//
//     nn::resize_cache<Net>(cache, batch);
//     kernel::run_team(2, nn::rounds<Net>, [&](kernel::Worker& worker, std::size_t index) {
//         nn::forward_round<Net>(w, x, y, cache, {worker, index});
//     });
//
// After each round the workers synchronise. Large batches do not need it: there each thread runs separate samples
// (nn/exec/grouped.hpp). Optional members of a layer; one without forward_round is run by the leader, in one round:
//   forward_round(w, x, y, cache, round)     the share of forward that round.worker computes in this round
//   rounds                                   how many rounds it takes; 1 by default
//   resize_cache(cache, batch)               resizes what the workers of a round would otherwise resize concurrently
// All rounds together must give the bits of forward (tested by testing::check_layer). A struct that derives from a
// Chain and replaces forward must replace forward_round too, or the base's forward_round would bypass its forward.
//
// Errors   static_assert where `rounds` is 0
// Cost     one barrier per round

#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/layer.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

struct Round {
    const kernel::Worker& worker;
    std::size_t index = 0;  ///< 0 .. rounds - 1
};

namespace detail {
template <class L>
concept HasRounds = requires(const Weights<L>& w, InputView<L> x, View<typename L::Scalar, typename L::Output> y,
                             typename L::Cache& cache, const Round& at) {
    L::forward_round(w, x, y, cache, at);
};
template <class L>
consteval std::size_t rounds_of() {
    if constexpr (requires {
                      L::rounds;
                      requires HasRounds<L>;
                  }) {
        static_assert(L::rounds > 0, "forward_round: a layer takes at least one round");
        return L::rounds;
    } else {
        return 1;
    }
}
}  // namespace detail
template <class L>
inline constexpr std::size_t rounds = detail::rounds_of<L>();

template <Layer L>
void resize_cache(typename L::Cache& cache, std::size_t batch) {
    if constexpr (requires { L::resize_cache(cache, batch); }) L::resize_cache(cache, batch);
}

/// `add`: see Fuses::add_y; only for layers with add_y.
template <Layer L, class... Add>
void forward_round(const Weights<L>& w, InputView<L> x, View<typename L::Scalar, typename L::Output> y,
                   typename L::Cache& cache, Round at, Add... add) {
    if constexpr (detail::HasRounds<L>)
        L::forward_round(w, x, y, cache, at, add...);
    else if (at.worker.id() == 0)
        L::forward(w, x, y, cache, add...);
}

}  // namespace tessera::nn
