#pragma once
// One run of the study: a row of the table (table.hpp), trained with the settings that all rows share.

#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/images.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace study {

#ifndef STUDY_SIDE
#define STUDY_SIDE 28
#endif
using Image = tessera::Shape<STUDY_SIDE, STUDY_SIDE, 1>;
using Images = tessera::data::Images<Image>;

struct Settings {
    std::string row, data, fit;
    std::size_t epochs = 6, epochs_prior = 2;
    std::size_t batch = 64;       ///< of the VQ-VAE; the decay of the codebook is that of 64 images to the batch / 64
    double lr = 2e-3;             ///< of the VQ-VAE, at the peak of its schedule; a hundredth of it at the end
    double revive_below = 0;      ///< share of the mean count below which a vector moves; 0: the default of the library
    std::size_t limit = 0;        ///< images for training, and at most as many for testing; 0: all
    std::size_t limit_prior = 0;  ///< images for training the prior; 0: as many as the VQ-VAE has
    std::uint64_t seed = 1;
    std::size_t threads = 1;
};

struct Sets {
    Images train, test;
};
/// The images of a folder of IDX files; with a side of 32, `fit` says how 28 x 28 pixels become 32 x 32.
Sets load(const Settings& settings);

/// What is known of a row before it runs.
struct RowFacts {
    std::string group, name;
    std::size_t codes, width, tokens, place;
};
std::vector<RowFacts> rows();

struct Result {
    std::size_t steps = 0, parameters = 0;
    double psnr_db = 0;       ///< of the mean squared error of all test images
    double mean_psnr_db = 0;  ///< mean of the test images' PSNRs
    double mse = 0;
    double perplexity = 0, usage = 0, quantization_mse = 0;
    double seconds = 0, images_per_second = 0;
    double peak_mib = 0;  ///< of the process, at the end of stage 1
    bool has_prior = false;
    std::size_t prior_steps = 0;
    double nats_per_image = 0, nats_per_token = 0;
    double prior_seconds = 0;
    double prior_peak_mib = 0;  ///< of the process, at the end
};

/// The tokens of the training and test images.
struct Codes {
    std::vector<tessera::Token> train, test;
};

/// Trains and evaluates a VQ-VAE; returns the tokens. Each part holds some rows of the table (part.cpp).
template <std::size_t Part>
Codes train_part(std::size_t place, const Sets& sets, const Settings& settings, Result& result);
/// The same for any row.
Codes train(std::size_t place, const Sets& sets, const Settings& settings, Result& result);

/// Trains and evaluates the small prior on tokens.
void train_prior(std::size_t vocab, std::size_t context, const Codes& codes, const Settings& settings, Result& result);

}  // namespace study
