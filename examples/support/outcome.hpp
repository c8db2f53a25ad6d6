#pragma once
// Outcome: all results of a run, independent of the types of its nets. Pictures, report and metrics are made from it.

#include "pictures.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace digits {

struct Point {
    double x, y;
};
using Curve = std::vector<Point>;

/// The next point of a curve: the values that are not averaged yet.
struct Partial {
    double sum = 0;
    std::size_t count = 0;
};

struct Stage1 {
    double seconds = 0, images_per_second = 0;
    std::size_t epochs = 0, batch = 0, steps = 0, parameters = 0;
    double lr = 0;
    double test_mse = 0, test_psnr_db = 0, quantization_mse = 0;
    std::size_t codes = 0, code_width = 0;
    double perplexity = 0, usage = 0;
    std::vector<std::size_t> counts;                    ///< how often each token occurs in the test images
    Curve train_mse, test_mse_curve, perplexity_curve;  ///< x: epochs
    Partial next_mse, next_perplexity;
};

struct Stage2 {
    double seconds = 0, tokens_per_second = 0;
    std::size_t epochs = 0, batch = 0, steps = 0, parameters = 0;
    double lr = 0;
    std::size_t context = 0;  ///< tokens of an image
    double test_nats_per_token = 0, test_bits_per_image = 0;
    Curve train_nats, test_nats_curve;
    Partial next_nats;
};

struct Sampling {
    double seconds = 0, images_per_second = 0, tokens_per_second = 0;
    std::size_t count = 0;
    float temperature = 1;
    double top_p = 1;
    std::size_t top_k = 0;
    double min_p = 0;
    float guidance = 1;
    std::size_t passes = 0;              ///< of a prior of any order: those that draw; 0: in raster order
    std::optional<std::size_t> label{};  ///< the class of all images; none: each class in turn, or no classes
};

struct Outcome {
    std::string preset, quantizer, order;
    std::optional<Stage1> stage1;  ///< none where the model was loaded
    std::optional<Stage2> stage2;
    Sampling sampling;
    std::vector<std::string> class_names;  ///< empty: an unconditional model

    Picture samples;
    std::vector<std::size_t> sample_rows;       ///< how many samples each row of samples.png holds
    std::vector<std::string> sample_row_names;  ///< the class of each row; empty: no classes
    Picture originals, reconstructions;         ///< of stage 1
    Picture codebook;                           ///< each token, decoded
};

}  // namespace digits
