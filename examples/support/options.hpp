#pragma once
// Options: what the command line says. What it leaves open (`nullopt`) the recipe of the preset decides.

#include "recipe.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace digits {

enum class Preset { small, std };
const char* name(Preset preset);
enum class Quantizer { codebook, fsq };
const char* name(Quantizer quantizer);

struct Options {
    std::string data;       ///< empty: the bundled digits
    std::string bundled;    ///< where those are
    std::size_t limit = 0;  ///< 0: all images
    double skip_bad = 0;    ///< share of a folder's files that may be no images

    std::optional<Preset> preset;
    std::optional<Quantizer> quantizer;
    std::optional<std::size_t> epochs_vqvae, epochs_prior, batch;
    std::optional<double> lr_vqvae, lr_prior, clip_norm;
    std::uint64_t seed = 1;
    std::size_t threads = 1;

    std::string checkpoint;  ///< folder; empty: the state of the run is not kept
    std::size_t checkpoint_every = 200;
    bool resume = false;
    std::vector<std::string> accept;  ///< with resume: what may differ from the checkpoint

    std::string load;  ///< empty: train
    std::size_t samples = 100;
    std::optional<std::size_t> label;
    std::optional<float> temperature, top_p;
    std::optional<std::size_t> top_k;

    std::string out = "out";
    std::vector<std::string> unused;  ///< options that were given and mean nothing beside --load
};

/// The command line cannot be followed, or only asked for a text (--help, --version).
struct Stop {
    int code;
    std::string text;
};

/// The preset's recipe, with what the options change of it.
Recipe recipe(Preset preset, const Options& options);

/// What --accept can name: settings of a trainer (io::LoadOptions::accept), and of the program itself.
inline constexpr std::array trainer_settings{"lr", "clip_norm", "weight_decay", "seed"};
inline constexpr std::array program_settings{"seed", "epochs"};

/// Throws Stop.
Options parse(int argc, char** argv);

}  // namespace digits
