#pragma once
// Forward declarations of the core types. Nobody else may forward-declare ours: the inline namespace carries the flags.

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

template <std::size_t... D>
struct Shape;
class Error;
class Path;
class Rng;

}  // namespace tessera
