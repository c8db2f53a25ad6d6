#pragma once
// The second stage, as the first one calls it: vocabulary and context are numbers here, so that quantizers with equal
// sizes share the code of their prior. The priors of a preset and an order are compiled in one file: priors_small.cpp,
// priors_std.cpp, any_order_priors_small.cpp, any_order_priors_std.cpp.

#include "job.hpp"
#include "unknown_part.hpp"

#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_writer.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace digits {

struct PriorSize {
    std::size_t vocab = 0, context = 0;  ///< size of the vocabulary, tokens of an image

    friend bool operator==(const PriorSize&, const PriorSize&) = default;
};

/// The tokens of a set of images.
struct Sequences {
    std::vector<tessera::Token> tokens;
    std::vector<tessera::Label> labels;  ///< empty: no classes
    std::size_t classes = 0;
};

/// The results of the first stage.
struct FirstStage {
    Stage1 figures;
    tessera::io::SafetensorsWriter state;  ///< of the VQ-VAE: checkpoints of the prior contain it
    Sequences train, test;
};

/// Images of which some tokens are known.
struct Completion {
    std::vector<tessera::Token> tokens;    ///< of each image; empty: all tokens of all images are sampled
    std::vector<Known> known;              ///< what the image shows of each of its tokens
    std::size_t repeats = 1;               ///< neighbours that begin with the same tokens
    std::vector<std::string> class_names;  ///< of what the prior chooses from; empty: `labels` has the classes
    std::vector<std::string> names;        ///< of every `repeats`-th image
};

/// What is sampled from the prior.
struct Draw {
    Sampling sampling;
    std::vector<tessera::Label> labels;  ///< of each image; empty: no classes
    Completion completion;
};

struct PriorResult {
    std::optional<Stage2> figures;  ///< none where the model was loaded
    std::vector<tessera::Token> samples;
    double seconds = 0;  ///< of sampling
};

/// The classes and options of the samples; their rows are written to `outcome`.
Draw plan_samples(const Job& job, PriorSize size, Outcome& outcome);

/// Trains the prior, writes the model file and samples.
template <Preset P, Order O>
PriorResult train_prior(PriorSize size, const Job& job, FirstStage first, const Outcome& outcome, const Draw& draw);
/// The label dropout that the prior in a model file was trained with.
double label_dropout_of(const tessera::io::SafetensorsFile& file, Order order);
/// Samples from the prior in options.load.
template <Preset P, Order O>
PriorResult sample_prior(PriorSize size, const Job& job, const Draw& draw);

}  // namespace digits
