#pragma once
// weights: saving and loading weights, in one include.
//
//     io::save(path, models...)                 io/save.hpp
//     io::load(path, options, models...)        io/load.hpp
//
//     what a model must provide                 io/stateful.hpp
//     what a file may override, and how a host
//     accepts a difference on purpose           io/load.hpp, io/load_options.hpp

// IWYU pragma: begin_exports
#include <tessera/io/load.hpp>
#include <tessera/io/save.hpp>
// IWYU pragma: end_exports
