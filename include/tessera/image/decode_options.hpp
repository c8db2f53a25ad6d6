#pragma once
// DecodeOptions: what decode_image makes of orientation, transparency and samples of 16 bits.
//
//     read_image(path, 3, limits, {.background = image::Rgb{0, 0, 0}})      transparent pixels become black
//     read_image(path, 3, limits, {.background = std::nullopt})             the colours under transparent pixels
//     read_image(path, 1, limits, {.significant_bits = 12})                 samples up to 4095: value >> 4
//
// The defaults give what a viewer shows: pictures are turned as the camera says, transparent pixels show a white page,
// and the upper 8 of 16 bits are kept. White digits on a transparent ground need another background.
//
// Errors   decode_image throws ArgumentError where channels is not 1 or 3, or significant_bits neither 0 nor in 8 .. 16

#include <tessera/core/error.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace tessera::inline TESSERA_ABI::image {

struct Rgb {
    unsigned char red = 0, green = 0, blue = 0;

    bool operator==(const Rgb&) const = default;
};

struct DecodeOptions {
    bool exif_orientation = true;  ///< turn and mirror as EXIF says (JPEG APP1, PNG eXIf)
    /// Colour behind transparent pixels: out = (alpha x colour + (255 - alpha) x background) / 255. Nothing: alpha is
    /// dropped.
    std::optional<Rgb> background = Rgb{255, 255, 255};
    /// Of samples of 16 bits: n = 8 .. 16 gives min(255, value >> (n - 8)); 0 gives 255 value / (largest of the image).
    unsigned significant_bits = 16;
};

inline void check_decode_options(const DecodeOptions& options) {
    const unsigned n = options.significant_bits;
    if (n != 0 && (n < 8 || n > 16))
        throw ArgumentError("decode_image: significant_bits: " + expected_got("0 or 8 to 16", std::to_string(n)));
}
inline void check_channels(std::size_t channels) {
    if (channels != 1 && channels != 3)
        throw ArgumentError("decode_image: channels: " + expected_got("1 or 3", std::to_string(channels)));
}

}  // namespace tessera::image
