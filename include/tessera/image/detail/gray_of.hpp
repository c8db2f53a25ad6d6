#pragma once
// The gray of a colour: (19595 R + 38470 G + 7471 B + 2^15) / 2^16, about 0.299 R + 0.587 G + 0.114 B, as PIL.

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI::image::detail {

constexpr unsigned char gray_of(unsigned r, unsigned g, unsigned b) {
    return static_cast<unsigned char>((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
}

}  // namespace tessera::image::detail
