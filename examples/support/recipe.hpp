#pragma once
// Recipe: every number of the training that is not part of a net, in one place. Found on the bundled digits.

#include <algorithm>
#include <cstddef>

namespace digits {

struct Recipe {
    struct Stage {
        std::size_t batch;
        double lr;      ///< highest rate of the cosine schedule
        double lr_end;  ///< its last one
        double warmup;  ///< share of all steps during which the rate rises
        double weight_decay;
        double clip_norm;    ///< 0: gradients are not clipped
        std::size_t images;  ///< how many are seen in all: what is left to `epochs` follows from it
        std::size_t most_epochs;

        /// Small sets are seen more often, large ones less: a run takes about the same time on either.
        std::size_t epochs(std::size_t dataset) const {
            return std::clamp((images + dataset / 2) / std::max<std::size_t>(dataset, 1), std::size_t{1}, most_epochs);
        }
    };

    Stage vqvae;
    Stage prior;
    float code_decay;  ///< of the moving averages of the codebook
    float temperature;
    std::size_t top_k;
    float top_p;
};

// Batches of 64 keep four threads busy; smaller ones learn more from an image (test PSNR of the small preset
// after four epochs: 24.4 dB with 32, 23.2 dB with 64). The decay of the codebook: with 0.99 it lags behind
// the encoder at first (perplexity 40 after two epochs, 200 with 0.95); with 0.95 the codes end less evenly
// used (190, and 218 with 0.99).
inline constexpr Recipe small_recipe{.vqvae = {.batch = 64,
                                               .lr = 2e-3,
                                               .lr_end = 2e-5,
                                               .warmup = 0.05,
                                               .weight_decay = 0,
                                               .clip_norm = 1,
                                               .images = 120'000,
                                               .most_epochs = 100},
                                     .prior = {.batch = 64,
                                               .lr = 2e-3,
                                               .lr_end = 2e-5,
                                               .warmup = 0.05,
                                               .weight_decay = 0.05,
                                               .clip_norm = 1,
                                               .images = 60'000,
                                               .most_epochs = 40},
                                     .code_decay = 0.98f,
                                     .temperature = 0.9f,
                                     .top_k = 0,
                                     .top_p = 0.95f};

inline constexpr Recipe std_recipe{.vqvae = {.batch = 64,
                                             .lr = 2e-3,
                                             .lr_end = 2e-5,
                                             .warmup = 0.05,
                                             .weight_decay = 0,
                                             .clip_norm = 1,
                                             .images = 120'000,
                                             .most_epochs = 100},
                                   .prior = {.batch = 64,
                                             .lr = 1e-3,
                                             .lr_end = 1e-5,
                                             .warmup = 0.05,
                                             .weight_decay = 0.05,
                                             .clip_norm = 1,
                                             .images = 80'000,
                                             .most_epochs = 40},
                                   .code_decay = 0.98f,
                                   .temperature = 0.9f,
                                   .top_k = 0,
                                   .top_p = 0.95f};

}  // namespace digits
