#pragma once
// Job: the input of a run.

#include "material.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "output.hpp"
#include "processes.hpp"
#include "run.hpp"
#include "unknown_part.hpp"

#include <optional>
#include <string>
#include <vector>

namespace digits {

struct Job {
    const Options& options;
    Preset preset;
    std::string quantizer;
    Order order;
    const Recipe& recipe;
    const Output& output;
    Run& run;
    Processes& processes;
    std::optional<UnknownPart> unknown{};  ///< with options.complete
    std::optional<std::size_t> label{};    ///< the class of options.label

    float temperature() const { return options.temperature.value_or(recipe.temperature); }
    std::size_t top_k() const { return options.top_k.value_or(recipe.top_k); }
    double top_p() const { return options.top_p.value_or(recipe.top_p); }
    double min_p() const { return options.min_p.value_or(recipe.min_p); }
    float guidance() const { return options.guidance.value_or(recipe.guidance); }
    std::size_t passes() const { return options.passes.value_or(recipe.passes); }
    double label_dropout() const { return options.label_dropout.value_or(recipe.label_dropout); }
};

inline constexpr const char* model_file = "model.safetensors";
/// Of the contents of checkpoints and model files. From 3 on a prior in raster order has LLaMA's block (nets.hpp), from
/// 5 on one of any order, too; in checkpoints from 4 on the state of Muon takes the place of AdamW's in stage 2, and
/// from 6 on there are all values that training depends on (run.cpp), also of the stage that has not begun.
inline constexpr const char* program_version = "6";

/// Trains both stages and draws samples; saves the model as soon as it is trained.
Outcome train(const Job& job, const Material& material);
/// Samples from the model in options.load, or completes the pictures in options.complete.
Outcome sample(const Job& job, const std::vector<std::string>& class_names);

/// The metadata of a model file; throws tessera::Error if this program did not write it.
struct ModelFacts {
    Preset preset;
    std::string quantizer;
    Order order;
    std::vector<std::string> class_names;
    double label_dropout;  ///< of the prior's training; above 0: it knows the null class
};
ModelFacts read_model_facts(const std::string& path);

}  // namespace digits
