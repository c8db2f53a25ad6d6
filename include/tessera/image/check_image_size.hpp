#pragma once
// check_image_size: checks the width and height that a file states, before anything is allocated for them.
//
// Errors   FormatError where either is zero (FormatCode::image) or exceeds the limits (FormatCode::limit)

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

inline void check_image_size(std::uint64_t width, std::uint64_t height, const ReadLimits& limits, std::string_view name,
                             std::uint64_t offset) {
    const std::string size = std::to_string(width) + " x " + std::to_string(height);
    if (width == 0 || height == 0) malformed(FormatCode::image, name, offset, "image: " + size + " pixels");
    if (width > limits.image_side || height > limits.image_side || width * height > limits.image_pixels)
        malformed(FormatCode::limit, name, offset,
                  "image: " + size + " is more than the limits of " + std::to_string(limits.image_side) +
                      " a side and " + std::to_string(limits.image_pixels) + " pixels");
}

}  // namespace tessera::image
