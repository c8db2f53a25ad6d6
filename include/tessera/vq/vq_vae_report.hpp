#pragma once
// VqVaeReport: what a VqVae reports of a training step, and its evaluation of a whole dataset.
//
//     perplexity = exp(-sum_k p_k ln p_k),   p_k = share of the tokens that are k
//
// `used` is a count of codebook vectors, `usage` a share of them.

#include <tessera/core/abi.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// The report of one training step.
struct VqVaeReport {
    double loss = 0;              ///< reconstruction + the terms of the quantizer
    double reconstruction = 0;    ///< mean of the reconstruction loss over all numbers of the batch
    double quantizer = 0;         ///< sum of the quantizer's terms, as weighted in the loss
    double quantization_mse = 0;  ///< mean of (z - q)^2; 0 where the quantizer gives another shape than it takes
    double perplexity = 0;        ///< of the tokens of this batch; depends on its size
    std::size_t used = 0;         ///< number of codebook vectors that the batch chose
    double grad_norm = 0;         ///< before clipping
};

/// The same, and the terms by name: `report.terms.commitment`.
template <class Terms>
struct QuantizedReport : VqVaeReport {
    Terms terms{};  ///< as weighted in the loss
};

/// How much of the codebook is used, over a whole dataset.
struct CodebookReport {
    std::vector<std::size_t> counts;  ///< number of tokens for each codebook vector
    double perplexity = 0;            ///< exp(-sum p ln p), at most the size of the codebook
    double usage = 0;                 ///< share of the codebook vectors that occur, in [0, 1]
    double quantization_mse = 0;      ///< mean of (z - q)^2; 0 where the quantizer gives another shape than it takes
};

/// The evaluation of a whole dataset; images are clamped to [0, 1] before they are compared.
struct VqVaeEvaluation : CodebookReport {
    double mse = 0;
    double psnr_db = 0;  ///< -10 log10(mse), for images in [0, 1]
};

/// exp of the entropy of counts; *used: how many of them are not zero.
template <class Count>
[[nodiscard]] double perplexity(std::span<const Count> counts, std::size_t* used = nullptr) {
    double total = 0, entropy = 0;
    std::size_t occur = 0;
    for (const Count n : counts) total += static_cast<double>(n);
    for (const Count n : counts)
        if (n > 0) {
            const double p = static_cast<double>(n) / total;
            entropy = std::fma(-p, std::log(p), entropy);
            ++occur;
        }
    if (used) *used = occur;
    return total > 0 ? std::exp(entropy) : 0;
}
[[nodiscard]] inline double perplexity(const std::vector<std::size_t>& counts, std::size_t* used = nullptr) {
    return perplexity(std::span<const std::size_t>{counts}, used);
}

}  // namespace tessera
