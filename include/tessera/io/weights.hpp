#pragma once
// Weights in files: io::save(path, models...) and io::load(path, models..., options). What a model is:
// io/stateful.hpp; what a file may overrule and how a host says "on purpose": io/load.hpp and
// io/load_options.hpp.

// IWYU pragma: begin_exports
#include <tessera/io/load.hpp>
#include <tessera/io/save.hpp>
// IWYU pragma: end_exports
