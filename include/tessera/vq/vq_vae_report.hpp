#pragma once
// VqVaeReport: what a VqVae reports of a training step, and its evaluation of a whole dataset.
//
//     perplexity = exp(-sum_k p_k ln p_k),   p_k = share of the tokens that are k
//
// `used` is a count of codebook vectors, `usage` a share of them. Where a position has several tokens, each level has a
// perplexity, and that of the whole is their geometric mean, over the levels that have tokens: it is at most the size
// of the largest vocabulary, like that of one level. `used` and `usage` are over the vocabularies of all levels.

#include <tessera/core/abi.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// How much of the vocabulary of one level is used.
struct LevelUsage {
    std::size_t codes = 0;  ///< size of the vocabulary
    std::size_t used = 0;   ///< number of tokens that occur
    double perplexity = 0;  ///< 0 where the level has no tokens: it was dropped
    double usage = 0;       ///< used / codes
};

/// The report of one training step.
struct VqVaeReport {
    double loss = 0;              ///< reconstruction + the terms of the quantizer
    double reconstruction = 0;    ///< mean of the reconstruction loss over all elements of the batch
    double quantizer = 0;         ///< sum of the quantizer's terms, as weighted in the loss
    double quantization_mse = 0;  ///< mean of (z - q)^2; 0 where the quantizer gives another shape than it takes
    double perplexity = 0;        ///< of the tokens of this batch; depends on its size
    std::size_t used = 0;         ///< number of codebook vectors that the batch chose, over all levels
    double grad_norm = 0;         ///< before clipping
};

/// The same, the terms by name, `report.terms.commitment`, and the usage of each token of a position.
template <class Terms, std::size_t Levels = 1>
struct QuantizedReport : VqVaeReport {
    Terms terms{};  ///< as weighted in the loss
    std::array<LevelUsage, Levels> levels{};
};

/// How much of the codebook is used, over a whole dataset.
struct CodebookReport {
    std::vector<std::size_t> counts;  ///< number of tokens for each codebook vector, those of the first level first
    std::vector<LevelUsage> levels;   ///< one for each token of a position
    double perplexity = 0;            ///< exp(-sum p ln p), at most the size of the codebook
    double usage = 0;                 ///< share of the codebook vectors that occur, in [0, 1]
    double quantization_mse = 0;      ///< mean of (z - q)^2; 0 where the quantizer gives another shape than it takes
};

/// The evaluation of a whole dataset; reconstructions are clamped to the range of the data before they are compared.
/// With a mask all means are over what counts (vq/frozen_vq_vae.hpp).
struct VqVaeEvaluation : CodebookReport {
    double mse = 0;
    double psnr_db = 0;  ///< 10 log10(width^2 / mse), width of the range; infinite where the mse is 0
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

/// The usage of one level. counts: of each token of its vocabulary.
template <class Count>
[[nodiscard]] LevelUsage level_usage(std::span<const Count> counts) {
    LevelUsage level{.codes = counts.size()};
    level.perplexity = perplexity(counts, &level.used);
    level.usage = static_cast<double>(level.used) / static_cast<double>(level.codes);
    return level;
}
/// The usage of all levels together; that of the level where there is one.
[[nodiscard]] inline LevelUsage total_usage(std::span<const LevelUsage> levels) {
    if (levels.size() == 1) return levels[0];
    LevelUsage total;
    double sum = 0;
    std::size_t present = 0;
    for (const LevelUsage& level : levels) {
        total.codes += level.codes;
        total.used += level.used;
        if (level.perplexity > 0) {
            sum += std::log(level.perplexity);
            ++present;
        }
    }
    if (present > 0) total.perplexity = std::exp(sum / static_cast<double>(present));
    if (total.codes > 0) total.usage = static_cast<double>(total.used) / static_cast<double>(total.codes);
    return total;
}

}  // namespace tessera
