#pragma once
// Walks through the coded data of a JPEG without computing pixels, to say how many MCUs of a scan are in the file. Of
// the coefficients it stores only which are not zero, one bit each: the length of a refining scan depends on it.
//
// A decoder may rely on what the walk accepts: it never needs a bit that is not there, and no coefficient exceeds 16
// bits in the scan that first gives it. stb_image 2.27 shifts by 32 where data end early, and sums DC coefficients
// beyond an int.
//
// A restart marker that was lost is put where it was (JpegScan::repairs): its interval begins at the next byte, and
// must then end exactly at its own marker. Zeros before a marker, up to 64, are dropped.

#include <tessera/image/detail/jpeg_bits.hpp>
#include <tessera/image/detail/jpeg_file.hpp>

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
        bool damaged = false;   // because the next bits are no code
    };

    JpegWalk(ByteView file, const JpegFile& jpeg) : file_{file}, jpeg_{jpeg} {
        for (const JpegComponent& c : jpeg.components) {
            Blocks blocks{jpeg.mcus_across() * c.across, {}};
            if (jpeg.progressive()) blocks.nonzero.resize(blocks.stride * jpeg.mcus_down() * c.down);
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
        Result result{extent.mcus(), 0, scan.at, false};
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
    struct Blocks {
        std::size_t stride;
        std::vector<std::uint64_t> nonzero;  // one bit for each coefficient
    };

    struct Marker {
        std::size_t at, end;  // its first fill byte, and the byte after it; the end of the scan where there is none
        unsigned number;      // 0 to 7; 8 where there is none
    };
    static constexpr std::size_t most_zeros = 64;

    static Result damaged(const JpegBits& in, Result result) {
        result.at = in.position();
        result.damaged = true;
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
        const bool found = marker.number < 8;
        if (repaired_ && marker.at != here) {
            result = damaged(in, result);
            return false;
        }
        const std::size_t surplus = marker.at - here;
        const auto zeros = [&] {
            for (std::size_t i = here; i < marker.at; ++i)
                if (file_[i] != 0) return false;
            return surplus <= most_zeros;
        };
        if (found && (surplus == 0 || (surplus <= most_zeros && zeros()))) {
            if (surplus != 0) scan.repairs.push_back({here, surplus, 0});
            in.go_to(marker.end);
            begin_interval(false);
            return true;
        }
        if (here == scan.end || marker.number == expected) {
            if (found) result = damaged(in, result);
            return false;
        }
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

    /// One block of the component in position i of the scan; false where the bits are no code.
    bool block(JpegBits& in, std::size_t i, std::size_t x, std::size_t y) {
        if (!jpeg_.progressive()) return dc(in, i) && sequential_ac(in, i);
        if (scan_->first == 0) {
            if (scan_->high == 0) return dc(in, i);
            in.skip(1);
            return true;
        }
        Blocks& blocks = blocks_[scan_->component[i]];
        std::uint64_t& nonzero = blocks.nonzero[y * blocks.stride + x];
        return scan_->high == 0 ? first_ac(in, i, nonzero) : refined_ac(in, i, nonzero);
    }

    bool dc(JpegBits& in, std::size_t i) {
        const unsigned size = dc_[i].decode(in);
        if (size > 15) return false;
        const int bits = static_cast<int>(in.bits(size)), half = size == 0 ? 0 : 1 << (size - 1);
        prediction_[i] += bits >= half ? bits : bits + 1 - 2 * half;
        return prediction_[i] >= -largest && prediction_[i] <= largest;
    }

    bool sequential_ac(JpegBits& in, std::size_t i) {
        for (unsigned k = 1; k < 64; ++k) {
            const unsigned symbol = ac_[i].decode(in);
            if (symbol > 255) return false;
            if ((symbol & 15) == 0 && symbol != 0xF0) break;
            in.skip(symbol & 15);
            k += symbol >> 4;
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
            in.skip(size);
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
                in.skip(1);  // the sign of a new coefficient
            } else if (zeros < 15) {
                run_ = (1u << zeros) + in.bits(zeros);
                break;
            }
            for (; k <= scan_->last && (known(k) || zeros > 0); ++k) {
                if (known(k))
                    in.skip(1);
                else
                    --zeros;
            }
            if ((symbol & 15) != 0 && k <= scan_->last) nonzero |= std::uint64_t{1} << k;
        }
        if (run_ > 0) {
            for (; k <= scan_->last; ++k)
                if (known(k)) in.skip(1);
            --run_;
        }
        return true;
    }

    static constexpr int largest = 32767;

    ByteView file_;
    const JpegFile& jpeg_;
    std::vector<Blocks> blocks_;
    const JpegScan* scan_ = nullptr;
    std::array<JpegCode, 4> dc_{}, ac_{};
    std::array<int, 4> prediction_{};  // the DC coefficients of the last blocks
    unsigned run_ = 0;                 // blocks that follow without new coefficients
    bool repaired_ = false;            // the marker before this interval was lost
    Marker next_marker_{0, 0, 8};
};

}  // namespace tessera::image::detail
