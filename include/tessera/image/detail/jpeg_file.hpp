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

/// Where the coded data of a scan are mended for a decoder: `drop` bytes at `at` are left out, and a restart marker is
/// put there if `marker` is not 0.
struct JpegRepair {
    std::size_t at = 0, drop = 0;
    unsigned marker = 0;
};

/// One scan: the tables that it needs are those of its time, a file may define them again afterwards.
struct JpegScan {
    std::size_t at = 0, end = 0;  // its coded data in the file
    std::size_t count = 0;        // of components
    std::array<std::size_t, 4> component{};
    std::array<ByteView, 4> dc{}, ac{};  // Huffman tables: 16 counts and the symbols; empty where none is needed
    unsigned first = 0, last = 63, high = 0, low = 0;  // coefficients and bits; the defaults where not progressive
    std::size_t restart = 0;                           // MCUs between restart markers; 0: none
    std::vector<JpegRepair> repairs{};                 // in the order of the data
};

/// MCUs (the units of interleaved blocks, ITU-T T.81, A.2) of a scan, and its blocks of 8 x 8 samples.
struct JpegExtent {
    std::size_t wide = 0, high = 0, blocks = 0;

    std::size_t mcus() const { return wide * high; }
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

    std::size_t mcus_across() const { return (width + 8 * most_across() - 1) / (8 * most_across()); }
    std::size_t mcus_down() const { return (height + 8 * most_down() - 1) / (8 * most_down()); }

    JpegExtent extent(const JpegScan& scan) const {
        if (scan.count == 1) {  // then an MCU is one block, and none are added to fill the last MCUs
            const JpegComponent& c = components[scan.component[0]];
            const auto blocks = [](std::size_t size, std::size_t factor, std::size_t most) {
                return ((size * factor + most - 1) / most + 7) / 8;
            };
            const std::size_t wide = blocks(width, c.across, most_across()), high = blocks(height, c.down, most_down());
            return {wide, high, wide * high};
        }
        std::size_t blocks = 0;  // of an MCU
        for (std::size_t i = 0; i < scan.count; ++i)
            blocks += components[scan.component[i]].across * components[scan.component[i]].down;
        return {mcus_across(), mcus_down(), mcus_across() * mcus_down() * blocks};
    }
};

}  // namespace tessera::image::detail
