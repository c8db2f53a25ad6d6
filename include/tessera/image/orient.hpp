#pragma once
// orient: turns and mirrors an image as an EXIF orientation says, so that it is upright.
//
//     1 as it is | 2 mirror left and right | 3 half a turn | 4 mirror top and bottom
//     5 mirror at the main diagonal | 6 a quarter turn right | 7 mirror at the other diagonal | 8 a quarter turn left
//
// Orientations 5 to 8 exchange width and height.
//
// Errors   ArgumentError where the orientation is not 1 to 8
// Cost     one copy of the image; none for 1

#include <tessera/core/error.hpp>
#include <tessera/image/pixels.hpp>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::image {

[[nodiscard]] inline Pixels orient(Pixels image, unsigned orientation) {
    if (orientation < 1 || orientation > 8)
        throw ArgumentError("orient: orientation: " + expected_got("1 to 8", std::to_string(orientation)));
    if (orientation == 1) return image;
    const bool exchange = orientation >= 5;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Pixels out{exchange ? image.width : image.height, exchange ? image.height : image.width, image.channels,
               Bytes(image.values.size())};
    unsigned char* to = out.values.data();
    for (std::size_t y = 0; y < out.height; ++y)
        for (std::size_t x = 0; x < out.width; ++x, to += image.channels) {
            const std::size_t row = exchange ? x : y, column = exchange ? y : x;
            std::memcpy(
                to, image.at(from_below ? image.height - 1 - row : row, from_right ? image.width - 1 - column : column),
                image.channels);
        }
    return out;
}

}  // namespace tessera::image
