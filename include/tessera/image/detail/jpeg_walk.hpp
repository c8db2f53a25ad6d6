#pragma once
// Walks through the coded data of a JPEG without computing pixels, to say how many MCUs of a scan are in the file. Of
// the coefficients of a progressive file it stores which are not zero, on which the length of a refining scan depends,
// and the sum of each block.
//
// A decoder may rely on what the walk accepts: it never needs a bit that is not there, no coefficient exceeds 16 bits
// in the scan that first gives it, and the absolute dequantized coefficients of a block sum to 28,000 at most.
// stb_image 2.27 shifts by 32 where data end early, sums DC coefficients beyond an int, and so do the products of its
// inverse DCT from a sum of 28,214 on: the rows multiply by 13,715 at most what the columns multiplied by 5,683 /
// 1024. What an encoder makes of 8-bit samples has a sum of 16,384 at most: before they are rounded, 64 coefficients
// have the length 1024 of 64 samples of 128, hence the sum 8192, and rounding to a multiple of the table at most
// doubles one.
//
// A restart marker that was lost is put where it was (JpegScan::repairs): its interval begins at the next byte, and
// must then end exactly at its own marker. Bytes between an interval and the marker that is due are dropped, as libjpeg
// does: some cameras write 2047 zeros there (github.com/nothings/stb/issues/952). Before a marker that is not due only
// up to 64 zeros are: more of them may be a block of a disk that was lost, with markers in it.
//
// Over 250 lines: the three kinds of scans (sequential, first, refining) share the state of a block.

#include <tessera/image/detail/jpeg_bits.hpp>
#include <tessera/image/detail/jpeg_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::image::detail {

class JpegWalk {
public:
    struct Result {
        std::size_t mcus = 0;   // of the scan
        std::size_t whole = 0;  // of them, as far as the data go
        std::size_t at = 0;     // offset in the file past the last byte that was read
        bool damaged = false;   // because the next bits are no code, or for this reason:
        std::uint64_t sum = 0;  // of the absolute coefficients of a block, more than `most_sum`
    };
    static constexpr std::size_t most_zeros = 64;  // before a restart marker that is not due
    static constexpr std::uint64_t most_sum = 28'000;

    JpegWalk(ByteView file, const JpegFile& jpeg) : file_{file}, jpeg_{jpeg} {
        for (const JpegComponent& c : jpeg.components) {
            Blocks blocks{jpeg.mcus_across() * c.across, steps_of(c.table), {}};
            if (jpeg.progressive()) blocks.all.resize(blocks.stride * jpeg.mcus_down() * c.down);
            blocks_.push_back(std::move(blocks));
        }
    }

    /// Adds to the repairs of the scan.
    Result scan(JpegScan& scan) {
        scan_ = &scan;
        begin_interval(false);
        next_marker_ = {0, 0, 8};
        for (std::size_t i = 0; i < scan.count; ++i) {
            dc_[i] = JpegCode{scan.dc[i]};
            ac_[i] = JpegCode{scan.ac[i]};
        }
        const JpegExtent extent = jpeg_.extent(scan);
        JpegBits in{file_, scan.at, scan.end};
        Result result{.mcus = extent.mcus(), .at = scan.at};
        for (std::size_t y = 0; y < extent.high; ++y)
            for (std::size_t x = 0; x < extent.wide; ++x) {
                if (scan.restart != 0 && result.whole != 0 && result.whole % scan.restart == 0)
                    if (!restart(in, scan, result)) return result;
                const bool valid = mcu(in, x, y);
                if (in.past_end()) return result;
                if (!valid) return damaged(in, result);
                ++result.whole;
            }
        result.at = in.position();
        return repaired_ && result.at != scan.end ? damaged(in, result) : result;
    }

private:
    using Steps = std::array<std::uint32_t, 64>;

    struct Block {
        std::uint64_t nonzero = 0;  // one bit for each coefficient but the first
        std::uint32_t sum = 0;      // of the absolute coefficients, times their steps
    };
    struct Blocks {
        std::size_t stride;
        Steps steps;  // of quantization, in the order of the coefficients
        std::vector<Block> all;
    };

    static Steps steps_of(ByteView table) {
        Steps steps{};
        for (std::size_t k = 0; k < 64; ++k)
            steps[k] = table[0] >> 4 ? std::uint32_t{table[2 * k + 1]} << 8 | table[2 * k + 2] : table[k + 1];
        return steps;
    }

    struct Marker {
        std::size_t at, end;  // its first fill byte, and the byte after it; the end of the scan where there is none
        unsigned number;      // 0 to 7; 8 where there is none
    };

    Result damaged(const JpegBits& in, Result result) const {
        result.at = in.position();
        result.damaged = true;
        if (sum_ > most_sum) result.sum = sum_;
        return result;
    }

    void begin_interval(bool repaired) {
        run_ = 0;
        repaired_ = repaired;
        prediction_.fill(0);
    }

    Marker find_marker(std::size_t from) const {
        for (std::size_t at = from; at < scan_->end; ++at) {
            if (file_[at] != 0xFF) continue;
            const std::size_t first = at;
            while (at < scan_->end && file_[at] == 0xFF) ++at;
            if (at < scan_->end && file_[at] >= 0xD0 && file_[at] <= 0xD7) return {first, at + 1, file_[at] & 7u};
        }
        return {scan_->end, scan_->end, 8};
    }

    /// Goes to the next interval; false where there is none, or where the last one was no whole interval.
    bool restart(JpegBits& in, JpegScan& scan, Result& result) {
        const std::size_t here = in.position();
        const auto expected = static_cast<unsigned>((result.whole / scan.restart - 1) % 8);
        if (next_marker_.at < here) next_marker_ = find_marker(here);
        const Marker& marker = next_marker_;
        const bool found = marker.number < 8, due = marker.number == expected;
        if (repaired_ && marker.at != here) {
            result = damaged(in, result);
            return false;
        }
        const std::size_t surplus = marker.at - here;
        const auto zeros = [&] {
            for (std::size_t i = here; i < marker.at; ++i)
                if (file_[i] != 0) return false;
            return true;
        };
        if (found && (due || surplus == 0 || (surplus <= most_zeros && zeros()))) {
            if (surplus != 0) scan.repairs.push_back({here, surplus, 0});
            in.go_to(marker.end);
            begin_interval(false);
            return true;
        }
        if (here == scan.end) return false;
        scan.repairs.push_back({here, 0, 0xD0 + expected});
        in.go_to(here);
        begin_interval(true);
        return true;
    }

    bool mcu(JpegBits& in, std::size_t x, std::size_t y) {
        if (scan_->count == 1) return block(in, 0, x, y);
        for (std::size_t i = 0; i < scan_->count; ++i)
            if (!interleaved(in, i, x, y)) return false;
        return true;
    }

    bool interleaved(JpegBits& in, std::size_t i, std::size_t x, std::size_t y) {
        const JpegComponent& c = jpeg_.components[scan_->component[i]];
        for (std::size_t v = 0; v < c.down; ++v)
            for (std::size_t h = 0; h < c.across; ++h)
                if (!block(in, i, x * c.across + h, y * c.down + v)) return false;
        return true;
    }

    /// One block of the component in position i of the scan; false where the bits are no code, or the sum is too large.
    bool block(JpegBits& in, std::size_t i, std::size_t x, std::size_t y) {
        Blocks& blocks = blocks_[scan_->component[i]];
        steps_ = &blocks.steps;
        sum_ = 0;
        if (!jpeg_.progressive()) return dc(in, i) && sequential_ac(in, i) && sum_ <= most_sum;
        Block& block = blocks.all[y * blocks.stride + x];
        const bool valid = progressive_block(in, i, block.nonzero);
        // a decoder clears a block when it reads the first bits of its DC coefficient
        if (scan_->first != 0 || scan_->high != 0) sum_ += block.sum;
        block.sum = static_cast<std::uint32_t>((std::min)(sum_, most_sum + 1));
        return valid && sum_ <= most_sum;
    }

    bool progressive_block(JpegBits& in, std::size_t i, std::uint64_t& nonzero) {
        if (scan_->first != 0) return scan_->high == 0 ? first_ac(in, i, nonzero) : refined_ac(in, i, nonzero);
        if (scan_->high == 0) {
            return dc(in, i);
        }
        if (in.bits(1) != 0) add(0, 1);  // it makes a negative one smaller: then the sum is too large by one bit
        return true;
    }

    /// Adds a coefficient with this absolute value to the sum of the block.
    void add(unsigned k, unsigned value) { sum_ += (std::uint64_t{value} << scan_->low) * (*steps_)[k < 63 ? k : 63]; }
    /// The absolute coefficient of `size` bits.
    static unsigned absolute(unsigned bits, unsigned size) {
        const unsigned half = (1u << size) / 2;
        return bits >= half ? bits : 2 * half - 1 - bits;
    }

    bool dc(JpegBits& in, std::size_t i) {
        const unsigned size = dc_[i].decode(in);
        if (size > 15) return false;
        const int bits = static_cast<int>(in.bits(size)), half = size == 0 ? 0 : 1 << (size - 1);
        prediction_[i] += bits >= half ? bits : bits + 1 - 2 * half;
        add(0, static_cast<unsigned>(prediction_[i] < 0 ? -prediction_[i] : prediction_[i]));
        return prediction_[i] >= -largest && prediction_[i] <= largest;
    }

    bool sequential_ac(JpegBits& in, std::size_t i) {
        for (unsigned k = 1; k < 64; ++k) {
            const unsigned symbol = ac_[i].decode(in);
            if (symbol > 255) return false;
            if ((symbol & 15) == 0 && symbol != 0xF0) break;
            k += symbol >> 4;
            add(k, absolute(in.bits(symbol & 15), symbol & 15));
        }
        return true;
    }

    bool first_ac(JpegBits& in, std::size_t i, std::uint64_t& nonzero) {
        if (run_ > 0) {
            --run_;
            return true;
        }
        for (unsigned k = scan_->first; k <= scan_->last; ++k) {
            const unsigned symbol = ac_[i].decode(in), run = symbol >> 4, size = symbol & 15;
            if (symbol > 255 || size + scan_->low > 15) return false;
            if (size == 0 && run < 15) {
                run_ = (1u << run) - 1 + in.bits(run);
                break;
            }
            k += run;
            if (size != 0) nonzero |= std::uint64_t{1} << (k < 63 ? k : 63);  // a decoder puts what is beyond there
            add(k, absolute(in.bits(size), size));
        }
        return true;
    }

    bool refined_ac(JpegBits& in, std::size_t i, std::uint64_t& nonzero) {
        const auto known = [&](unsigned k) { return (nonzero >> k & 1) != 0; };
        unsigned k = scan_->first;
        for (; run_ == 0 && k <= scan_->last; ++k) {
            const unsigned symbol = ac_[i].decode(in);
            if (symbol > 255 || (symbol & 15) > 1) return false;
            unsigned zeros = symbol >> 4;
            if ((symbol & 15) != 0) {
                in.skip(1);  // the sign of a new coefficient, which is added below
            } else if (zeros < 15) {
                run_ = (1u << zeros) + in.bits(zeros);
                break;
            }
            for (; k <= scan_->last && (known(k) || zeros > 0); ++k) {
                if (known(k))
                    refine(in, k);
                else
                    --zeros;
            }
            if ((symbol & 15) == 0 || k > scan_->last) continue;
            nonzero |= std::uint64_t{1} << k;
            add(k, 1);
        }
        if (run_ > 0) {
            for (; k <= scan_->last; ++k)
                if (known(k)) refine(in, k);
            --run_;
        }
        return true;
    }

    void refine(JpegBits& in, unsigned k) {
        if (in.bits(1) != 0) add(k, 1);
    }

    static constexpr int largest = 32767;

    ByteView file_;
    const JpegFile& jpeg_;
    std::vector<Blocks> blocks_;
    const JpegScan* scan_ = nullptr;
    std::array<JpegCode, 4> dc_{}, ac_{};
    std::array<int, 4> prediction_{};  // the DC coefficients of the last blocks
    const Steps* steps_ = nullptr;     // of the component of the block
    std::uint64_t sum_ = 0;            // of the block's absolute coefficients in this scan, times their steps
    unsigned run_ = 0;                 // blocks that follow without new coefficients
    bool repaired_ = false;            // the marker before this interval was lost
    Marker next_marker_{0, 0, 8};
};

}  // namespace tessera::image::detail
