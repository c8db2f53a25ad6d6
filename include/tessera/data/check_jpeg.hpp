#pragma once
// check_jpeg: is this a whole JPEG that we are willing to decode? (ITU-T T.81)
//
//     FF D8 | FF marker length(2) ... | FF DA length(2) ... coded data | ... | FF D9
//
// Read from marker to marker. Baseline and progressive Huffman coding with 8 bits, gray or three components;
// arithmetic coding, 12 bits and CMYK are refused, as is a file that ends before its end marker or has more
// scans than the limit.

#include <tessera/core/bytes.hpp>
#include <tessera/core/limits.hpp>
#include <tessera/data/check_image_size.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::data {

inline bool is_jpeg(ByteView file) {
    return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}

/// Throws FormatError unless the file called `name` is a JPEG within the limits.
inline void check_jpeg(ByteView file, std::string_view name, const Limits& limits = {}) {
    if (!is_jpeg(file)) malformed(name, 0, "not a JPEG");
    bool frame = false;
    std::uint64_t scans = 0;
    for (std::size_t at = 2;;) {
        const auto need = [&](std::size_t bytes) {
            if (file.size() - at < bytes) malformed(name, file.size(), "JPEG: the file ends early");
        };
        need(2);
        if (file[at] != 0xFF)
            malformed(name, at, "JPEG: " + expected_got("a marker", std::to_string(file[at])));
        const unsigned marker = file[at + 1];
        if (marker == 0xFF) {  // filling
            ++at;
            continue;
        }
        at += 2;
        if (marker == 0xD9) break;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;  // alone, without a length
        if (marker == 0xD8 || marker == 0x00) malformed(name, at - 2, "JPEG: a marker in the wrong place");
        need(2);
        const std::size_t length = std::size_t{file[at]} << 8 | file[at + 1];
        if (length < 2) malformed(name, at, "JPEG: a segment of " + std::to_string(length) + " bytes");
        need(length);
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
            if (marker > 0xC2)
                malformed(name, at - 2, "JPEG: lossless, hierarchical or arithmetic coding is not read");
            if (frame || length < 8) malformed(name, at - 2, "JPEG: a second or a short frame header");
            frame = true;
            if (file[at + 2] != 8)
                malformed(name, at + 2, "JPEG: bits of a sample: " + expected_got(8, file[at + 2]));
            check_image_size(std::size_t{file[at + 5]} << 8 | file[at + 6],
                             std::size_t{file[at + 3]} << 8 | file[at + 4], limits, name, at + 3);
            if (file[at + 7] != 1 && file[at + 7] != 3)
                malformed(name, at + 7,
                          "JPEG: components: " +
                              expected_got("1 (gray) or 3 (no CMYK)", std::to_string(file[at + 7])));
        }
        at += length;
        if (marker != 0xDA) continue;
        if (!frame) malformed(name, at, "JPEG: image data before the frame header");
        if (++scans > limits.jpeg_scans)
            malformed(name, at, "JPEG: more than " + std::to_string(limits.jpeg_scans) + " scans");
        while (true) {  // coded data: FF is followed by 00 or by a restart marker
            need(2);
            if (file[at] == 0xFF && file[at + 1] != 0 && (file[at + 1] < 0xD0 || file[at + 1] > 0xD7)) break;
            ++at;
        }
    }
    if (scans == 0) malformed(name, 2, "JPEG: there is no image in it");
}

}  // namespace tessera::inline TESSERA_ABI::data
