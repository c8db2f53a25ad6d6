#pragma once
// kmeans: initialises a codebook from encoder outputs: k-means++, then Lloyd's steps.
//
//     first vector    a random row of x
//     next vector     a row drawn with probability proportional to its squared distance from the vectors so far
//     Lloyd           each vector moves to the mean of its cluster; one with an empty cluster stays where it is
//                                                          (Arthur, Vassilvitskii, SODA 2007)
//
// Afterwards N_k is the number of rows in cluster k when it was last not empty (1 if never) and m_k = N_k e_k: the
// start of the moving averages. After an error the codebook is that of the Lloyd step before it. With fewer rows than
// vectors some rows are used twice, moved apart by a thousandth of their length.
//
// Shapes   x [rows, D], codebook [K, D]
// Errors   ArgumentError where there are no rows; NumericError where the squares of a row are not finite
// Cost     rows K D multiply-adds for k-means++, in double on one thread, and as many for each of the 10 Lloyd steps;
//          memory: a double and a token per row, K (D + 1) doubles, the packed codebook

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/codebook_state.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <std::size_t K, std::size_t D, class T>
void kmeans(CodebookState<K, D, T>& book, std::span<const T> x, Rng rng, std::size_t steps = 10) {
    with_fp_environment([&] {
        const std::size_t n = x.size() / D;
        if (n == 0) throw ArgumentError("kmeans: vectors: expected at least one, got 0");
        std::vector<T> vector(D);
        std::vector<double> distance(n, 1.0);  // squared, to the nearest vector so far; 1: none yet
        // k-means++: vector k is a row drawn with probability distance / total; where all distances are 0, a row moved
        // a bit
        for (std::size_t k = 0; k < K; ++k) {
            double total = 0;
            for (const double d : distance) total += d;
            std::size_t pick = 0;
            if (total > 0) {
                double at = rng.uniform_double() * total;
                while (pick + 1 < n && (at -= distance[pick]) >= 0) ++pick;
            } else {
                pick = rng.below(static_cast<std::uint32_t>(n));
            }
            for (std::size_t i = 0; i < D; ++i)
                vector[i] = total > 0 ? x[pick * D + i] : x[pick * D + i] * (T(1) + T(1e-3) * T(rng.normal()));
            book.place(k, vector.data(), T(1));
            for (std::size_t m = 0; m < n; ++m) {
                double d = 0;
                for (std::size_t i = 0; i < D; ++i) {
                    const double difference = static_cast<double>(x[m * D + i]) - static_cast<double>(vector[i]);
                    d = kernel::simd::fma(difference, difference, d);
                }
                distance[m] = k == 0 ? d : (std::min)(distance[m], d);
            }
        }
        std::vector<Token> tokens(n);
        kernel::CodePanels<T> panels;
        std::vector<double> sum(K * D), count(K);
        // Lloyd: assign each row to its nearest vector, then move each vector to the mean of its rows
        for (std::size_t step = 0; step < steps; ++step) {
            panels.pack(K, D, book.weight.data());
            kernel::nearest_vector<T>(n, x.data(), D, panels, tokens.data());
            std::ranges::fill(sum, 0.0);
            std::ranges::fill(count, 0.0);
            for (std::size_t m = 0; m < n; ++m) {
                if (tokens[m] == no_token)
                    throw NumericError("kmeans: vector " + std::to_string(m) +
                                       ": no codebook vector is nearest: expected numbers whose squares are finite");
                count[tokens[m]] += 1;
                for (std::size_t i = 0; i < D; ++i) sum[tokens[m] * D + i] += static_cast<double>(x[m * D + i]);
            }
            for (std::size_t k = 0; k < K; ++k) {
                if (!(count[k] > 0)) continue;
                for (std::size_t i = 0; i < D; ++i) vector[i] = static_cast<T>(sum[k * D + i] / count[k]);
                book.place(k, vector.data(), static_cast<T>(count[k]));
            }
        }
    });
}

}  // namespace tessera
