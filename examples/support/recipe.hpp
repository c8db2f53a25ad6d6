#pragma once
// Recipe: all hyperparameters of training that are not part of a net. Tuned on the bundled digits.

#include <algorithm>
#include <cstddef>

namespace digits {

struct Recipe {
    struct Stage {
        std::size_t batch;
        double lr;      ///< peak learning rate of the cosine schedule
        double lr_end;  ///< final learning rate
        double warmup;  ///< share of all steps in which the rate rises
        double weight_decay;
        double clip_norm;    ///< 0: gradients are not clipped
        std::size_t images;  ///< images seen in the whole run; `epochs` follows from it
        std::size_t max_epochs;

        /// More epochs for small sets, fewer for large ones: a run takes about the same time on either.
        std::size_t epochs(std::size_t dataset) const {
            return std::clamp((images + dataset / 2) / std::max<std::size_t>(dataset, 1), std::size_t{1}, max_epochs);
        }
    };

    Stage vqvae;  ///< trained by AdamW
    Stage prior;  ///< its matrices by Muon, with `lr`; the rest by AdamW, with `adamw_scale` times `lr`
    double adamw_scale;
    double label_dropout;  ///< of the prior: the share of images whose class it does not see, which guidance needs
    double code_decay;     ///< decay of the codebook's moving averages
    float temperature;
    std::size_t top_k;
    double top_p;
    double min_p;
    float guidance;
    std::size_t passes = 10;  ///< of a prior of any order

    /// For a prior that knows no classes, or not the null class: guidance would need both. Without it a lower
    /// temperature makes better samples (88.8 % read as their digit with 0.9, 93.2 % with 0.7, with AdamW, but less
    /// variety).
    void drop_guidance() {
        guidance = 1;
        temperature = 0.9f;
    }
    /// Of a prior of any order, in 10 passes, more guidance makes better samples: 98.7 %, 39.9 with 2; 99.4 %, 41.4
    /// with 3; 99.4 %, 47.1 with 4 (share and distance as below; 2.921 nats per token). More passes: 99.7 %, 36.7 in 20
    /// with 3; 99.1 %, 36.0 in 20 with 2; 98.5 %, 34.2 in 49 with 2. GPT-2's block after eight epochs of AdamW (3.05
    /// nats): 97.8 %, 49.3 with 2; 98.7 %, 47.0 with 3.
    void use_any_order() {
        guidance = any_order_guidance;
        prior.images = any_order_images;
    }
    /// Of both presets: an image has a new order in each epoch.
    static constexpr std::size_t any_order_images = 70'000;
    static constexpr float any_order_guidance = 3;
};

// Batch size: 64 keeps sixteen threads busy; smaller batches learn more per image (test PSNR of the small preset after
// four epochs: 24.4 dB with 32, 23.2 dB with 64). Decay of the codebook: with 0.99 it lags behind the encoder at first
// (perplexity 40 after two epochs, 200 with 0.95); with 0.95 the vectors are used less evenly at the end (perplexity
// 190, 218 with 0.99).
//
// Samples: 1,000 of the small preset, read by the classifier of examples/12_classifier (share read as their class,
// Fréchet distance of its features from the test digits; 2,000 training digits: 13.3). Without guidance, temperature
// 0.9, six epochs: 85.6 %, 72 (88.8 %, 55 where the prior learned without label dropout); with guidance 2: 98.1 %, 25.
// Temperature 1, guidance 2: 98.4 %, 24.5; eight epochs 98.7 %, 20.4. Guidance 1.75 and 2.5 (another seed, six epochs):
// 97.6 % and 98.3 %, 27.7 and 31.8. Top-p 1 instead of 0.95: 95.5 %, 33. Shifting the images by up to a pixel: 96.1 %,
// 41. All these with GPT-2's block; LLaMA's, with positions by row and column, in the same time and eight epochs: 98.9
// %, 19.1 (2.560 instead of 2.617 nats per token; 2.592 after six epochs). All these with AdamW and a rate of 2e-3;
// Muon, seven epochs in the time of eight: 99.5 %, 17.5 (2.515 nats). The preset std has half of its rate, and was not
// judged; after four epochs it overfits the bundled digits: seven end at 2.635 nats per token, four at 2.476.
inline constexpr Recipe small_recipe{.vqvae = {.batch = 64,
                                               .lr = 2e-3,
                                               .lr_end = 2e-5,
                                               .warmup = 0.05,
                                               .weight_decay = 0,
                                               .clip_norm = 1,
                                               .images = 120'000,
                                               .max_epochs = 100},
                                     .prior = {.batch = 64,
                                               .lr = 8e-3,
                                               .lr_end = 8e-5,
                                               .warmup = 0.05,
                                               .weight_decay = 0.05,
                                               .clip_norm = 1,
                                               .images = 70'000,
                                               .max_epochs = 40},
                                     .adamw_scale = 0.25,
                                     .label_dropout = 0.1,
                                     .code_decay = 0.98,
                                     .temperature = 1,
                                     .top_k = 0,
                                     .top_p = 0.95,
                                     .min_p = 0,
                                     .guidance = 2};

inline constexpr Recipe std_recipe{.vqvae = {.batch = 64,
                                             .lr = 2e-3,
                                             .lr_end = 2e-5,
                                             .warmup = 0.05,
                                             .weight_decay = 0,
                                             .clip_norm = 1,
                                             .images = 120'000,
                                             .max_epochs = 100},
                                   .prior = {.batch = 64,
                                             .lr = 4e-3,
                                             .lr_end = 4e-5,
                                             .warmup = 0.05,
                                             .weight_decay = 0.05,
                                             .clip_norm = 1,
                                             .images = 40'000,
                                             .max_epochs = 40},
                                   .adamw_scale = 0.25,
                                   .label_dropout = 0.1,
                                   .code_decay = 0.98,
                                   .temperature = 1,
                                   .top_k = 0,
                                   .top_p = 0.95,
                                   .min_p = 0,
                                   .guidance = 2};

}  // namespace digits
