#pragma once
// GaussianCodebook: K fixed standard normal vectors, and the search for the one that a Gaussian posterior makes likely.
//
//     argmin_k sum of ((c_k - mu) / sigma)^2 - c_k^2
//         = argmax_k sum of c_k mu / sigma^2 + c_k^2 (1 - 1 / sigma^2) / 2
//                          (arXiv:2512.06609; sigma^2 = exp(l), l clamped to [-30, 20])
//
// The second form is a product of 2 D numbers of a row with (c_k, c_k^2), so the search is that of a codebook of width
// 2 D, without a rows x K matrix. Vector k comes from stream k of a fixed seed: it does not depend on K.
//
// Shapes   rows of z [rows, 2 D]: D means, then D logarithms of variances l; tokens [rows], q [rows, D]
// Cost     drawing: K D normals, once; search: 2 K D multiply-adds per row

#include <tessera/core/buffer.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/simd/vector_math.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI {

template <std::size_t K, std::size_t D, std::floating_point T>
class GaussianCodebook {
public:
    static constexpr std::uint64_t seed = 251206609;

    /// Draws the vectors; does nothing where it has done so before.
    void draw() {
        if (!vectors_.empty()) return;
        with_fp_environment([&] {
            Buffer<T> pairs(K * 2 * D), vectors(K * D);
            kernel::for_chunks(K, 1024, [&](std::size_t begin, std::size_t end) {
                for (std::size_t k = begin; k < end; ++k) {
                    Rng rng = Rng{seed}.split(k);
                    for (std::size_t i = 0; i < D; ++i) {
                        const T c = static_cast<T>(rng.normal());
                        vectors[k * D + i] = pairs[k * 2 * D + i] = c;
                        pairs[k * 2 * D + D + i] = c * c;
                    }
                }
            });
            panels_.pack_for_products(K, 2 * D, pairs.data());
            vectors_ = std::move(vectors);  // last: an allocation may have failed before
        });
    }
    [[nodiscard]] std::span<const T> vectors() const { return vectors_; }

    /// The tokens of rows first .. last - 1 of z; no_token where the scores overflow or are NaN.
    void most_likely(std::span<const T> z, std::span<Token> tokens, std::size_t first, std::size_t last) const {
        constexpr std::size_t chunk = D < 4096 ? 4096 / D : 1;  // rows; 32 KiB on the stack in float
        alignas(64) T rows[chunk * 2 * D];
        while (first < last) {
            const std::size_t count = (std::min)(chunk, last - first);
            for (std::size_t m = 0; m < count; ++m) {
                const T* const mean = z.data() + (first + m) * 2 * D;
                T *const linear = rows + m * 2 * D, *const square = linear + D;
                exp_of_log_variances(mean, T(-1), square);
                for (std::size_t i = 0; i < D; ++i) {
                    linear[i] = mean[i] * square[i];
                    square[i] = (T(1) - square[i]) / 2;
                }
            }
            kernel::nearest_vector<T>(count, rows, 2 * D, panels_, tokens.data() + first);
            first += count;
        }
    }
    /// The vectors of tokens; zero for absent ones (no_token).
    void lookup(std::span<const Token> tokens, std::span<T> q) const {
        for (std::size_t m = 0; m < tokens.size(); ++m)
            if (tokens[m] == no_token)
                std::fill_n(q.data() + m * D, D, T(0));
            else
                std::copy_n(vectors_.data() + std::size_t{tokens[m]} * D, D, q.data() + m * D);
    }

    /// out[i] = exp(factor l_i) of the clamped logarithms of the variances of one row of z.
    static void exp_of_log_variances(const T* row, T factor, T* out) {
        namespace simd = kernel::simd;
        const simd::Vec<T> f(factor), low(lowest), high(highest);
        simd::map(
            D, out, [&](const auto& l) { return simd::exp<T>(f * (simd::min)(high, (simd::max)(low, l))); }, row + D);
    }
    /// True where l is not clamped, so that it has a gradient.
    static bool moves(T log_variance) { return log_variance >= lowest && log_variance <= highest; }

    static constexpr T lowest = T(-30), highest = T(20);  ///< of logarithms of variances

private:
    Buffer<T> vectors_;
    kernel::CodePanels<T> panels_;  // of (c, c^2)
};

}  // namespace tessera
