#pragma once
// Token: the index of a code; Label: the class of an image. Sixteen bits: no codebook that a CPU trains has more codes.

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

using Token = std::uint16_t;
using Label = std::uint16_t;

}  // namespace tessera
