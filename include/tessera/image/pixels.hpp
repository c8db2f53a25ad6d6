#pragma once
// Pixels: one image of any size, as bytes in row-major order with the channels last.
//
// Decoders return it and encoders take it.
//
// Shapes   values [height x width x channels]

#include <tessera/files/bytes.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::image {

struct Pixels {
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t channels = 0;
    Bytes values;

    const unsigned char* at(std::size_t y, std::size_t x) const { return values.data() + (y * width + x) * channels; }
};

}  // namespace tessera::image
