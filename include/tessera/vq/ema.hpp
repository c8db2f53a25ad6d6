#pragma once
// The moving-average update of a codebook (arXiv:1711.00937, appendix A.1, with Laplace smoothing as in Sonnet).
//
//     n_k = vectors of the batch that chose k,   s_k = their sum
//     N_k = decay N_k + (1 - decay) n_k,   m_k = decay m_k + (1 - decay) s_k
//     e_k = m_k / Nhat_k,   Nhat_k = (N_k + eps) / (sum N + K eps) sum N
//
// A code whose count has faded below 1e-3 keeps its place: m and N are then rounding, and the smoothing would pull it
// to 0. Each task owns a range of codes and adds its vectors in the order of the batch: no sum crosses tasks.

#include <tessera/kernel/denormals.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/parallel.hpp>
#include <tessera/vq/codebook.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI {

struct EmaOptions {
    float decay = 0.99f;
    float eps = 1e-5f;
};

namespace detail {
inline constexpr std::size_t ema_range = 32;  // codes in a task: every task reads all tokens, 0.1 to 0.3 % of a step
}

/// x holds tokens.size() vectors; tokens are their codes.
template <std::size_t K, std::size_t D, class T>
void ema_update(CodebookState<K, D, T>& book, std::span<const T> x, std::span<const Token> tokens,
                const EmaOptions& options) {
    kernel::in_own_mode([&] {
        using kernel::simd::fma;
        const T keep = T(options.decay), take = T(1) - keep;
        kernel::for_chunks(K, detail::ema_range, [&](std::size_t begin, std::size_t end) {
            std::array<T, detail::ema_range> n{};
            std::array<T, detail::ema_range * D> s{};
            for (std::size_t m = 0; m < tokens.size(); ++m) {
                if (tokens[m] < begin || tokens[m] >= end) continue;
                const std::size_t k = tokens[m] - begin;
                n[k] += T(1);
                const std::span<T> row{s.data() + k * D, D};
                kernel::add<T>(row, x.subspan(m * D, D), row);
            }
            for (std::size_t k = begin; k < end; ++k) {
                book.count[k] = fma<T>(keep, book.count[k], take * n[k - begin]);
                for (std::size_t i = 0; i < D; ++i)
                    book.sum[k * D + i] = fma<T>(keep, book.sum[k * D + i], take * s[(k - begin) * D + i]);
            }
        });
        double total = 0;
        for (std::size_t k = 0; k < K; ++k) total += static_cast<double>(book.count[k]);
        const double scale = total / (total + static_cast<double>(K) * static_cast<double>(options.eps));
        for (std::size_t k = 0; k < K; ++k) {
            if (book.count[k] < T(1e-3)) continue;
            const T smoothed = static_cast<T>((static_cast<double>(book.count[k]) + static_cast<double>(options.eps)) * scale);
            for (std::size_t i = 0; i < D; ++i) book.weight[k * D + i] = book.sum[k * D + i] / smoothed;
        }
        book.steps[0] += T(1);
    });
}

}  // namespace tessera
