#pragma once
// Options: the parsed command line. For an option that is not given (`nullopt`) the preset's recipe has the value.

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

/// In which the prior is trained and draws: row by row, or any.
enum class Order { raster, any };
const char* name(Order order);

struct Options {
    std::string data;       ///< empty: the bundled digits
    std::string bundled;    ///< their folder
    std::size_t limit = 0;  ///< 0: all images
    double skip_bad = 0;    ///< share of a folder's files that may be unreadable

    std::optional<Preset> preset;
    std::optional<std::string> quantizer;  ///< a name of the table (quantizers.hpp)
    std::optional<Order> order;
    std::optional<std::size_t> epochs_vqvae, epochs_prior, batch;
    std::optional<double> lr_vqvae, lr_prior, clip_norm, label_dropout;
    std::uint64_t seed = 1;
    std::size_t threads = 1;

    std::string checkpoint;  ///< folder; empty: no checkpoints
    std::size_t checkpoint_every = 200;
    bool resume = false;
    std::vector<std::string> accept;  ///< with resume: what may differ from the checkpoint

    std::string load;                   ///< empty: train
    std::vector<std::string> complete;  ///< with load: pictures of which a part is known
    std::string unknown = "lower";      ///< with complete: the other part (unknown_part.hpp)
    std::size_t samples = 100;          ///< with complete: of each picture
    std::optional<std::string> label;   ///< a class, by its name or number
    std::optional<float> temperature, guidance;
    std::optional<double> top_p, min_p;
    std::optional<std::size_t> top_k, passes;

    std::string encode;  ///< with load: a PNG of images or a folder of images to compress; empty: none
    std::string decode;  ///< with load: a file that --encode has written; empty: none

    std::string out = "out";
    std::vector<std::string> unused;  ///< options that were given but have no effect with --load
};

/// Thrown for an invalid command line (code 2), and for --help and --version (code 0).
struct Stop {
    int code;
    std::string text;
};

/// The preset's recipe for a prior of this order, with the values of the options that are given.
Recipe recipe(Preset preset, Order order, const Options& options);

/// The names that --accept takes (io::LoadOptions::accept): settings of the run, and those of them that a trainer has.
inline constexpr std::array program_settings{"lr", "clip_norm", "weight_decay", "seed", "epochs"};
inline constexpr std::array trainer_settings{"lr", "clip_norm", "weight_decay", "seed"};

/// Throws Stop.
Options parse(int argc, char** argv);

}  // namespace digits
