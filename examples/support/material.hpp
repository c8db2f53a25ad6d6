#pragma once
// Material: the images that a run learns from and those that it is judged by, 28 x 28 gray.

#include "options.hpp"

#include <tessera/data/images.hpp>

#include <string>

namespace digits {

using Image = tessera::Shape<28, 28, 1>;
using Images = tessera::data::Images<Image>;

struct Material {
    Images train, test;
    std::string description;         ///< "bundled digits"
    std::vector<std::string> notes;  ///< what was left out, and why

    /// Names of the classes; "0", "1", ... where the source has no others. Empty: no labels.
    std::vector<std::string> class_names() const;
};

/// Throws tessera::Error when there is nothing to learn from, or when a file is not what it should be.
Material load_material(const Options& options);

}  // namespace digits
