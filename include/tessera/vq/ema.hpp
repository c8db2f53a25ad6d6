#pragma once
// ema_update: the exponential-moving-average update of a codebook.
//
//     n_k = number of rows of the batch that chose k,   s_k = their sum              (vq/codebook_statistics.hpp)
//     N_k = decay N_k + (1 - decay) n_k,   m_k = decay m_k + (1 - decay) s_k
//     e_k = m_k / Nhat_k,   Nhat_k = (N_k + eps) / (sum N + K eps) sum N
//                (van den Oord et al. 2017, arXiv:1711.00937, appendix A.1; Laplace smoothing as in Sonnet)
//
// A vector whose count has decayed to 100 eps or less is left unchanged: the smoothing would shrink it towards 0 by
// more than a hundredth.
//
// Shapes   codebook [K, D], statistics of K vectors
// Cost     one pass over the codebook and the statistics; no allocation

#include <tessera/core/fp_environment.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

struct EmaOptions {
    double decay = 0.99;
    double eps = 1e-5;
};

template <std::size_t K, std::size_t D, class T>
void ema_update(CodebookState<K, D, T>& book, const CodebookStatistics<K, D, T>& batch, const EmaOptions& options) {
    with_fp_environment([&] {
        using kernel::simd::fma;
        // N_k and m_k: moving averages of n_k and s_k
        const T keep = T(options.decay), take = T(1) - keep;
        kernel::for_chunks(K, CodebookStatistics<K, D, T>::vectors_per_task, [&](std::size_t begin, std::size_t end) {
            for (std::size_t k = begin; k < end; ++k) book.count[k] = fma<T>(keep, book.count[k], take * batch.n[k]);
            for (std::size_t i = begin * D; i < end * D; ++i)
                book.sum[i] = fma<T>(keep, book.sum[i], take * batch.s[i]);
        });
        // e_k = m_k / Nhat_k with Laplace smoothing of the counts
        double total = 0;
        for (std::size_t k = 0; k < K; ++k) total += static_cast<double>(book.count[k]);
        const double eps = static_cast<double>(static_cast<T>(options.eps));  // as all numbers of the update
        const double fewest = 100 * options.eps;
        const double scale = total / (total + static_cast<double>(K) * eps);
        for (std::size_t k = 0; k < K; ++k) {
            if (!(static_cast<double>(book.count[k]) > fewest)) continue;
            const T smoothed = static_cast<T>((static_cast<double>(book.count[k]) + eps) * scale);
            for (std::size_t i = 0; i < D; ++i) book.weight[k * D + i] = book.sum[k * D + i] / smoothed;
        }
    });
}

}  // namespace tessera
