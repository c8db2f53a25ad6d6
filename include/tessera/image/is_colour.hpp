#pragma once
// is_colour, has_16_bits: is a PNG or JPEG stored in colour, or in samples of 16 bits? Both read the header only; a
// gray picture may be stored in colour.
//
// A program that loads such a file in gray, or in 8 bits, can say so.

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

}  // namespace tessera::image
