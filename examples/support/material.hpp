#pragma once
// Material: the training and test images of a run, 28 x 28 gray.

#include "options.hpp"

#include <tessera/data/images.hpp>

#include <string>

namespace digits {

using Image = tessera::Shape<28, 28, 1>;
using Images = tessera::data::Images<Image>;

struct Material {
    Images train, test;
    std::string description;         ///< "bundled digits"
    std::vector<std::string> notes;  ///< what was left out or skipped, and why
    std::string fit{};               ///< what was changed: "27 of 27 images were in colour and are gray now"

    /// Names of the classes; "0", "1", ... where the source has no names. Empty: no labels.
    std::vector<std::string> class_names() const;
};

/// Throws tessera::Error when there are too few images, or when a file is invalid.
Material load_material(const Options& options);

/// The images of a folder, or the cells of one PNG; without labels. Prints what was left out and what was changed.
Images load_pictures(const std::string& path);

}  // namespace digits
