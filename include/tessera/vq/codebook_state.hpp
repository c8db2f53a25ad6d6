#pragma once
// CodebookState<K, D, T>: K vectors of D numbers, and what the moving averages know about each of them (van den Oord,
// Vinyals, Kavukcuoglu 2017, arXiv:1711.00937, appendix A.1).
//
// weight [K, D]   the codebook vectors e
// count [K]       N: moving average of how many rows of a batch chose the vector; starts at 1
// sum [K, D]      m: moving average of the sum of these rows; starts at e, so that m / N = e for one that nobody chose
// grace [K]       updates for which the vector will not be revived (vq/revive.hpp)
//
// The state is no parameter: no gradient, no optimiser. vq/ema.hpp, vq/kmeans.hpp and vq/revive.hpp are functions on it.

#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

template <std::size_t K, std::size_t D, std::floating_point T>
struct CodebookState {
    static constexpr std::size_t codes = K, width = D;

    Param<T, Shape<K, D>> weight;
    Param<T, Shape<K>> count;
    Param<T, Shape<K, D>> sum;
    Param<T, Shape<K>> grace;

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        f("weight", s.weight...);
        f("count", s.count...);
        f("sum", s.sum...);
        f("grace", s.grace...);
    }

    /// Moves vector k to x, with a history of `history` rows at x: weight, count and sum together, or the next update
    /// would take it back.
    void place(std::size_t k, const T* x, T history) {
        for (std::size_t i = 0; i < D; ++i) {
            weight[k * D + i] = x[i];
            sum[k * D + i] = x[i] * history;
        }
        count[k] = history;
    }
    /// Standard normal vectors, as torch.nn.Embedding starts.
    void init(Rng& rng) {
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t i = 0; i < D; ++i) sum[k * D + i] = rng.normal();
            place(k, sum.data() + k * D, T(1));
        }
    }
};

}  // namespace tessera
