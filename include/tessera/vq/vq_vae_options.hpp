#pragma once
// What of a VqVae is a number and not a type, and what it reports.

#include <tessera/core/error.hpp>
#include <tessera/vq/ema.hpp>
#include <tessera/vq/revive.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct VqVaeOptions {
    float commitment = 0.25f;  ///< beta of arXiv:1711.00937, eq. 3: on the encoder's side
    EmaOptions ema{};
    ReviveOptions revive{};
    bool kmeans = true;  ///< start the codes from the first batch
};

/// The options, or ArgumentError where they cannot work. Written so that NaN fails each of them.
inline const VqVaeOptions& checked(const VqVaeOptions& o) {
    const auto require = [](bool good, const char* what, const char* expected, float got) {
        if (!good) throw ArgumentError("VqVae: " + std::string{what} + ": " + expected_got(expected, std::to_string(got)));
    };
    const auto not_negative = [&](const char* what, float x) {
        require(x >= 0 && std::isfinite(x), what, "a finite number >= 0", x);
    };
    not_negative("commitment", o.commitment);
    require(o.ema.decay >= 0 && o.ema.decay < 1, "ema.decay", "a number in [0, 1)", o.ema.decay);
    not_negative("ema.eps", o.ema.eps);
    require(o.revive.below >= 0 && o.revive.below <= 1, "revive.below", "a number in [0, 1]", o.revive.below);
    return o;
}

/// Of one training step.
struct VqVaeReport {
    double loss = 0;            ///< reconstruction + beta commitment
    double reconstruction = 0;  ///< mean over all pixels of the batch
    double commitment = 0;      ///< mean of (x - q)^2 over all numbers that the encoder gave
    double perplexity = 0;      ///< of the codes of this batch; depends on its size
    std::size_t used = 0;       ///< codes that the batch chose
    double grad_norm = 0;       ///< before clipping
};

/// How well the codes are used, over a whole dataset.
struct CodebookReport {
    std::vector<std::size_t> counts;  ///< vectors of each code
    double perplexity = 0;            ///< exp(-sum p ln p), at most K
    double usage = 0;                 ///< share of codes that occur
    double quantization_mse = 0;      ///< mean of (x - q)^2 over all numbers that the encoder gave
};

/// Of a whole dataset; images are clamped to [0, 1] before they are compared.
struct VqVaeEvaluation : CodebookReport {
    double mse = 0;
    double psnr_db = 0;  ///< -10 log10(mse), for images in [0, 1]
};

/// exp of the entropy of counts, and how many are not zero.
inline double perplexity(const std::vector<std::size_t>& counts, std::size_t* used = nullptr) {
    double total = 0, entropy = 0;
    std::size_t occur = 0;
    for (const std::size_t n : counts) total += static_cast<double>(n);
    for (const std::size_t n : counts)
        if (n > 0) {
            const double p = static_cast<double>(n) / total;
            entropy = std::fma(-p, std::log(p), entropy);
            ++occur;
        }
    if (used) *used = occur;
    return total > 0 ? std::exp(entropy) : 0;
}

}  // namespace tessera
