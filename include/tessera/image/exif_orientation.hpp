#pragma once
// exif_orientation: how a picture must be turned to be upright, from its EXIF data (EXIF 2.32, tag 0x0112).
//
//     EXIF data are a TIFF file: "II*\0" or "MM\0*", offset of the directory, count(2), entries of 12 bytes
//     1 upright | 3 upside down | 6 to be turned right | 8 to be turned left | 2, 4, 5, 7 the same, mirrored (orient)
//
// Cameras write it in APP1 of a JPEG, some programs in eXIf of a PNG, and older ones begin that with "Exif\0\0" as in a
// JPEG. Data that are damaged or have no such tag say nothing: the orientation is 1, and never an error.
//
// Cost     allocates nothing

#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::image {

/// 1 to 8, of the EXIF data `tiff`, which begin with the byte order or with "Exif\0\0".
[[nodiscard]] constexpr unsigned exif_orientation(ByteView tiff) {
    if (bytes_are(tiff, 0, {"Exif\0\0", 6})) tiff = tiff.subspan(6);
    if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
    const bool little = tiff[0] == 'I';
    const auto two = [&](std::size_t at) {
        return static_cast<unsigned>(little ? tiff[at] | tiff[at + 1] << 8 : tiff[at] << 8 | tiff[at + 1]);
    };
    const auto four = [&](std::size_t at) { return little ? little_endian_32(tiff, at) : big_endian_32(tiff, at); };
    const std::size_t directory = four(4);
    if (two(2) != 42 || directory > tiff.size() - 2) return 1;
    const std::size_t entries = two(directory);
    for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t at = directory + 2 + 12 * i;
        if (at + 12 > tiff.size()) break;
        if (two(at) != 0x0112) continue;
        const unsigned type = two(at + 2);  // a SHORT by the standard; some programs write a BYTE, LONG, SSHORT, SLONG
        const bool is_short = type == 3 || type == 8, is_long = type == 4 || type == 9;
        const std::uint32_t value = type == 1 ? tiff[at + 8] : is_short ? two(at + 8) : is_long ? four(at + 8) : 0;
        return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

}  // namespace tessera::image
