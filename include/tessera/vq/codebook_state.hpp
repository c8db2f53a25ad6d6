#pragma once
// CodebookState: K codebook vectors of D elements and their moving averages.
//
//     e_k = m_k / N_k, in an update with smoothed N_k (vq/ema.hpp)
//                            (van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937, appendix A.1)
//
// The state is not a parameter: it has no gradient, and no optimiser updates it. vq/ema.hpp, vq/kmeans.hpp and
// vq/revive.hpp are functions on it.
//
// Params   weight Shape<K, D> "weight": the codebook vectors e; N(0, 1), as torch.nn.Embedding;
//          count Shape<K> "count": N, moving average of how many rows of a batch chose the vector; 1;
//          sum Shape<K, D> "sum": m, moving average of the sum of these rows; e, so that m / N = e for an unused
//          vector;
//          grace Shape<K> "grace": number of updates during which the vector will not be revived (vq/revive.hpp); 0
// Cost     2 K (D + 1) elements

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

    /// Moves vector k to x, with a history of `history` rows at x. weight, count and sum move together; otherwise the
    /// next update would undo the move.
    void place(std::size_t k, const T* x, T history) {
        for (std::size_t i = 0; i < D; ++i) {
            weight[k * D + i] = x[i];
            sum[k * D + i] = x[i] * history;
        }
        count[k] = history;
    }
    /// Standard normal vectors, as torch.nn.Embedding.
    void init(Rng& rng) {
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t i = 0; i < D; ++i) sum[k * D + i] = rng.normal();
            place(k, sum.data() + k * D, T(1));
        }
    }
};

}  // namespace tessera
