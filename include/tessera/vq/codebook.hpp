#pragma once
// Codebook<K>: K codes of the encoder's width, learned by moving averages (van den Oord, Vinyals, Kavukcuoglu 2017,
// arXiv:1711.00937, appendix A.1).
//
//     a(x) = argmin_k |x - e_k|^2;   ties go to the lowest k
//
// State    weight [K, D]   the codes e
//          count [K]       N: moving average of how many vectors of a batch chose the code; starts at 1
//          sum [K, D]      m: moving average of their sum; starts at e, so that m / N = e for a code nobody chose
//          grace [K]       steps for which the code will not be revived (vq/revive.hpp)
//          steps [1]       updates so far; 0: the codes are start values that k-means may replace (vq/kmeans.hpp)
//
// The state is no parameter: no gradient, no optimiser. Update, start and revival are functions of their own.

#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>

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
    Param<T, Shape<1>> steps;

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        f("weight", s.weight...);
        f("count", s.count...);
        f("sum", s.sum...);
        f("grace", s.grace...);
        f("steps", s.steps...);
    }

    /// Moves code k to x, with the history of `weight` vectors at x: code, count and sum together, or the next
    /// update would take it back.
    void place(std::size_t k, const T* x, T history) {
        for (std::size_t i = 0; i < D; ++i) {
            weight[k * D + i] = x[i];
            sum[k * D + i] = x[i] * history;
        }
        count[k] = history;
    }
    /// Standard normal codes, as torch.nn.Embedding starts.
    void init(Rng& rng) {
        for (std::size_t k = 0; k < K; ++k) {
            T x[D];
            for (T& v : x) v = rng.normal();
            place(k, x, T(1));
        }
    }
};

/// What one writes in a VqVae; the width comes from the encoder.
template <std::size_t K>
struct Codebook {
    static_assert(K > 0 && K < no_token, "Codebook: at least one code, and fewer than 2^32 - 1: a token has 32 bits");
    static constexpr std::size_t size = K;
    template <std::size_t D, std::floating_point T>
    using Bind = CodebookState<K, D, T>;
};

}  // namespace tessera
