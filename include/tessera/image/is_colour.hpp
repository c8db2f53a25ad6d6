#pragma once
// is_colour, has_16_bits, has_alpha: is a PNG or JPEG stored in colour, in samples of 16 bits, or with transparency?
// They read headers only; a gray picture may be stored in colour, and an opaque one with transparency.
//
// A program that loads such a file in gray, in 8 bits, or on a background, can say so.

#include <tessera/files/bytes.hpp>
#include <tessera/image/file_type.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::image {

/// False for files of other types, and for a JPEG that ends before its frame header.
[[nodiscard]] constexpr bool is_colour(ByteView file) {
    const FileType type = file_type(file);
    if (type == FileType::png) return file.size() > 25 && (file[25] & 2) != 0;  // colour type: RGB, palette, RGBA
    if (type != FileType::jpeg) return false;
    for (std::size_t at = 2; at + 10 <= file.size();) {
        if (file[at] != 0xFF || file[at + 1] == 0xFF || file[at + 1] == 0) {
            ++at;  // padding
            continue;
        }
        const unsigned marker = file[at + 1];
        const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frame) return file[at + 9] >= 3;  // number of components
        if (marker == 0xDA || marker == 0xD9) return false;
        const bool alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
        at += alone ? 2 : 2 + (std::size_t{file[at + 2]} << 8 | file[at + 3]);
    }
    return false;
}

/// Only a PNG can.
[[nodiscard]] constexpr bool has_16_bits(ByteView file) {
    return file_type(file) == FileType::png && file.size() > 24 && file[24] == 16;
}

/// A PNG with alpha samples, or with a chunk tRNS before its pixels.
[[nodiscard]] constexpr bool has_alpha(ByteView file) {
    if (file_type(file) != FileType::png || file.size() <= 25) return false;
    if ((file[25] & 4) != 0) return true;  // colour type: gray with alpha, RGBA
    for (std::size_t at = 8; at + 8 <= file.size();) {
        if (bytes_are(file, at + 4, "tRNS")) return true;
        if (bytes_are(file, at + 4, "IDAT")) return false;
        const std::size_t length = big_endian_32(file, at);
        if (length > file.size() - at) return false;
        at += 12 + length;
    }
    return false;
}

}  // namespace tessera::image
