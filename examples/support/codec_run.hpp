#pragma once
// --encode and --decode: compresses images with the model in options.load, and decodes them.

#include "options.hpp"
#include "output.hpp"

namespace digits {

/// Writes images.tsc or decoded.png.
void run_codec(const Options& options, const Output& output);

}  // namespace digits
