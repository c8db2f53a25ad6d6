#pragma once
// What the segments of a JPEG say, as far as it is needed to decode it. All views are parts of the file.

#include <tessera/files/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera::inline TESSERA_ABI::image::detail {

struct JpegComponent {
    unsigned id = 0;
    std::size_t across = 1, down = 1;  // sampling factors
    unsigned quantization = 0;         // number of its table
    ByteView table{};                  // the table of its first scan, from the byte with precision and number on
    bool scanned = false;              // at least its DC coefficients, the mean of each block
};

/// One scan: the tables that it needs are those of its time, a file may define them again afterwards.
struct JpegScan {
    std::size_t at = 0, end = 0;  // its coded data in the file
    std::size_t count = 0;        // of components
    std::array<std::size_t, 4> component{};
    std::array<ByteView, 4> dc{}, ac{};  // Huffman tables: 16 counts and the symbols; empty where none is needed
    unsigned first = 0, last = 63, high = 0, low = 0;  // coefficients and bits; the defaults where not progressive
    std::size_t restart = 0;                           // MCUs between restart markers; 0: none
};

enum class JpegColors : std::uint8_t { gray, ycbcr, rgb, cmyk, ycck };

struct JpegFile {
    std::size_t width = 0, height = 0;
    unsigned frame = 0;  // marker of the frame header: C0 baseline, C1 extended, C2 progressive
    JpegColors colors = JpegColors::gray;
    bool ended = false;  // by an end marker
    std::vector<JpegComponent> components;
    std::vector<JpegScan> scans;
    ByteView exif{};

    bool progressive() const { return frame == 0xC2; }

    std::size_t most_across() const {
        std::size_t most = 1;
        for (const JpegComponent& c : components) most = c.across > most ? c.across : most;
        return most;
    }
    std::size_t most_down() const {
        std::size_t most = 1;
        for (const JpegComponent& c : components) most = c.down > most ? c.down : most;
        return most;
    }
};

}  // namespace tessera::image::detail
