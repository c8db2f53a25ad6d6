#pragma once
// Diversity: a term of a Codebook that makes the batch use all vectors: minus the entropy of the mean soft assignment.
//
//     p_k(z) = softmax_k(-|z - e_k|^2 / temperature),   P = moving average over batches of the mean of p
//     diversity = weight mean over rows of sum_k p_k ln P_k
//
// The usual term, weight sum_k Pb_k ln Pb_k with the mean Pb of the batch, makes samples depend on each other. With P =
// Pb the gradient here is that term's, because the gradient of the ln adds up to 0; P comes from the updates before, so
// samples stay independent and processes sum. It moves the encoder; the vectors are constants.
//
// Params   none; buffer "diversity.mean" [K], the numbers P, 1 / K at first
// Cost     3 rows K D multiply-adds, rows K exponentials, and 16 rows x K elements of scratch

#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/panels.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/softmax.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::vq {

struct Diversity {
    using category = TermPolicy;

    template <std::size_t K, std::floating_point T>
    struct Buffers {
        Param<T, Shape<K>> mean;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            auto inner = with_prefix("diversity", f);
            inner("mean", b.mean...);
        }
    };
    template <std::size_t K>
    struct Statistics {
        Param<double, Shape<1>> rows;
        Param<double, Shape<K>> p;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            auto inner = with_prefix("diversity", f);
            inner("rows", s.rows...);
            inner("p", s.p...);
        }
    };
    template <std::floating_point T>
    struct Packed {
        Buffer<double> log_mean;
        kernel::Panels<T> vectors;  // E, for sum_k dl_k e_k
        double weight = 0, temperature = 1;

        template <std::size_t K>
        void pack(const Buffers<K, T>& buffers, std::size_t width, const T* e, const DiversityOptions& o) {
            log_mean.resize(K);
            for (std::size_t k = 0; k < K; ++k)
                log_mean[k] = std::log((std::max)(static_cast<double>(buffers.mean[k]), 1e-12));
            vectors.pack(K, width, e, width, 1);
            weight = static_cast<double>(o.weight);
            temperature = o.temperature;
        }
    };
    template <std::floating_point T>
    struct Cache {
        Buffer<T> scores, dx;
    };

    /// Calls f(p) with the soft assignments p [K] of each row that has a token; f may overwrite them. Then calls
    /// after(first row, count, p of these rows), in which rows without a token are zero.
    template <std::floating_point T, class F, class G>
    static void assign(const kernel::CodePanels<T>& codes, double temperature, std::span<const T> x,
                       std::span<const Token> tokens, Buffer<T>& scores, F&& f, G&& after) {
        const std::size_t width = codes.width(), k = codes.codes();
        if (scores.size() < together * k) scores.resize(together * k);
        const T scale = static_cast<T>(2 / temperature);
        for (std::size_t first = 0; first < tokens.size(); first += together) {
            const std::size_t count = (std::min)(together, tokens.size() - first);
            kernel::gemm<T>(count, x.data() + first * width, width, codes.panels(), scores.data(), k,
                            {.bias = codes.start()});
            for (std::size_t m = 0; m < count; ++m) {
                const std::span<T> row{scores.data() + m * k, k};
                if (tokens[first + m] == no_token) {
                    std::ranges::fill(row, T(0));
                    continue;
                }
                for (T& s : row) s *= scale;
                kernel::softmax<T>(row);
                f(row);
            }
            after(first, count, static_cast<const T*>(scores.data()));
        }
    }

    /// Adds per_row times the gradient of the weighted sum over the rows to dx; returns that sum.
    template <std::floating_point T>
    static double add_gradient(const Packed<T>& w, const kernel::CodePanels<T>& codes, std::span<const T> x,
                               std::span<const Token> tokens, double per_row, std::span<T> dx, Cache<T>& cache) {
        using kernel::simd::fma;
        const std::size_t width = codes.width(), k = codes.codes();
        if (cache.dx.size() < together * width) cache.dx.resize(together * width);
        double total = 0;
        const double factor = w.weight * per_row;
        assign<T>(
            codes, w.temperature, x, tokens, cache.scores,
            [&](std::span<T> p) {
                double mean = 0;
                for (std::size_t i = 0; i < k; ++i) mean = fma(static_cast<double>(p[i]), w.log_mean[i], mean);
                total += mean;
                // dl_k = p_k (ln P_k - mean), the gradient of the row's term with respect to -|z - e_k|^2 / temperature
                for (std::size_t i = 0; i < k; ++i)
                    p[i] = static_cast<T>(static_cast<double>(p[i]) * (w.log_mean[i] - mean));
            },
            [&](std::size_t first, std::size_t count, const T* dl) {
                // dz = 2 / temperature sum_k dl_k e_k: the dl of a row add up to 0, so z itself cancels
                kernel::gemm<T>(count, dl, k, w.vectors, cache.dx.data(), width);
                const T scale = static_cast<T>(2 * factor / w.temperature);
                for (std::size_t i = 0; i < count * width; ++i)
                    dx[first * width + i] = fma<T>(scale, cache.dx[i], dx[first * width + i]);
            });
        return w.weight * total;
    }
    template <std::size_t K, std::floating_point T>
    static void observe(const Packed<T>& w, const kernel::CodePanels<T>& codes, std::span<const T> x,
                        std::span<const Token> tokens, Statistics<K>& statistics, Cache<T>& cache) {
        assign<T>(
            codes, w.temperature, x, tokens, cache.scores,
            [&](std::span<T> p) {
                statistics.rows[0] += 1;
                for (std::size_t i = 0; i < K; ++i) statistics.p[i] += static_cast<double>(p[i]);
            },
            [](std::size_t, std::size_t, const T*) {});
    }
    template <std::size_t K, std::floating_point T>
    static void update(Buffers<K, T>& buffers, const Statistics<K>& statistics, const DiversityOptions& o) {
        if (!(statistics.rows[0] > 0)) return;
        for (std::size_t i = 0; i < K; ++i)
            buffers.mean[i] = static_cast<T>(kernel::simd::fma(o.decay, static_cast<double>(buffers.mean[i]),
                                                               (1 - o.decay) * statistics.p[i] / statistics.rows[0]));
    }

private:
    static constexpr std::size_t together = 16;  // rows
};

}  // namespace tessera::vq
