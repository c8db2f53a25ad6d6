#pragma once
// Job: what a preset is asked to do. The two presets are compiled in files of their own.

#include "material.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "output.hpp"
#include "processes.hpp"
#include "run.hpp"

namespace digits {

struct Job {
    const Options& options;
    Quantizer quantizer;
    const Recipe& recipe;
    const Output& output;
    Run& run;
    Processes& processes;

    float temperature() const { return options.temperature.value_or(recipe.temperature); }
    std::size_t top_k() const { return options.top_k.value_or(recipe.top_k); }
    float top_p() const { return options.top_p.value_or(recipe.top_p); }
};

inline constexpr const char* model_file = "model.safetensors";

/// Both stages, and samples; saves the model as soon as it is trained.
Outcome train_small(const Job& job, const Material& material);
Outcome train_std(const Job& job, const Material& material);

/// Samples of the model in options.load.
Outcome sample_small(const Job& job, const std::vector<std::string>& class_names);
Outcome sample_std(const Job& job, const std::vector<std::string>& class_names);

/// What a model file says about itself; throws tessera::Error if it is not one of ours.
struct ModelFacts {
    Preset preset;
    Quantizer quantizer;
    std::vector<std::string> class_names;
};
ModelFacts read_model_facts(const std::string& path);

}  // namespace digits
