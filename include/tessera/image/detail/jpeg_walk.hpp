#pragma once
// Walks through the coded data of a JPEG without computing pixels, to say how many MCUs (the units of interleaved
// blocks, ITU-T T.81, A.2) of a scan are in the file. Of the coefficients it stores only which are not zero, one bit
// each: the length of a refining scan depends on it.

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
        const std::size_t across = 8 * jpeg.most_across(), down = 8 * jpeg.most_down();
        mcus_across_ = (jpeg.width + across - 1) / across;
        mcus_down_ = (jpeg.height + down - 1) / down;
        for (const JpegComponent& c : jpeg.components) {
            Blocks blocks{mcus_across_ * c.across, {}};
            if (jpeg.progressive()) blocks.nonzero.resize(blocks.stride * mcus_down_ * c.down);
            blocks_.push_back(std::move(blocks));
        }
    }

    Result scan(const JpegScan& scan) {
        scan_ = &scan;
        run_ = 0;
        for (std::size_t i = 0; i < scan.count; ++i) {
            dc_[i] = JpegCode{scan.dc[i]};
            ac_[i] = JpegCode{scan.ac[i]};
        }
        const JpegComponent& only = jpeg_.components[scan.component[0]];
        const auto blocks = [](std::size_t size, std::size_t factor, std::size_t most) {
            return ((size * factor + most - 1) / most + 7) / 8;
        };
        const bool single = scan.count == 1;  // then an MCU is one block, and none are added to fill the last MCUs
        const std::size_t wide = single ? blocks(jpeg_.width, only.across, jpeg_.most_across()) : mcus_across_;
        const std::size_t high = single ? blocks(jpeg_.height, only.down, jpeg_.most_down()) : mcus_down_;
        JpegBits in{file_, scan.at, scan.end};
        Result result{wide * high, 0, scan.at, false};
        for (std::size_t mcu = 0; mcu < result.mcus; ++mcu) {
            if (scan.restart != 0 && mcu != 0 && mcu % scan.restart == 0) {
                if (!in.restart()) break;
                run_ = 0;
            }
            bool valid = true;
            if (single)
                valid = block(in, 0, mcu % wide, mcu / wide);
            else
                for (std::size_t i = 0; valid && i < scan.count; ++i)
                    valid = interleaved(in, i, mcu % wide, mcu / wide);
            if (in.past_end()) break;
            result.at = in.position();
            if (!valid) {
                result.damaged = true;
                break;
            }
            ++result.whole;
        }
        return result;
    }

private:
    struct Blocks {
        std::size_t stride;
        std::vector<std::uint64_t> nonzero;  // one bit for each coefficient
    };

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
            in.bit();
            return true;
        }
        Blocks& blocks = blocks_[scan_->component[i]];
        std::uint64_t& nonzero = blocks.nonzero[y * blocks.stride + x];
        return scan_->high == 0 ? first_ac(in, i, nonzero) : refined_ac(in, i, nonzero);
    }

    bool dc(JpegBits& in, std::size_t i) {
        const unsigned size = dc_[i].decode(in);
        if (size > 15) return false;
        in.bits(size);
        return true;
    }

    bool sequential_ac(JpegBits& in, std::size_t i) {
        for (unsigned k = 1; k < 64; ++k) {
            const unsigned symbol = ac_[i].decode(in);
            if (symbol > 255) return false;
            if ((symbol & 15) == 0 && symbol != 0xF0) break;
            in.bits(symbol & 15);
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
            const unsigned symbol = ac_[i].decode(in), run = symbol >> 4;
            if (symbol > 255) return false;
            if ((symbol & 15) == 0 && run < 15) {
                run_ = (1u << run) - 1 + in.bits(run);
                break;
            }
            k += run;
            if ((symbol & 15) != 0 && k < 64) nonzero |= std::uint64_t{1} << k;
            in.bits(symbol & 15);
        }
        return true;
    }

    bool refined_ac(JpegBits& in, std::size_t i, std::uint64_t& nonzero) {
        const auto known = [&](unsigned k) { return (nonzero >> k & 1) != 0; };
        unsigned k = scan_->first;
        for (; run_ == 0 && k <= scan_->last; ++k) {
            const unsigned symbol = ac_[i].decode(in);
            if (symbol > 255) return false;
            unsigned zeros = symbol >> 4;
            if ((symbol & 15) != 0) {
                in.bit();  // the sign of a new coefficient
            } else if (zeros < 15) {
                run_ = (1u << zeros) + in.bits(zeros);
                break;
            }
            for (; k <= scan_->last && (known(k) || zeros > 0); ++k) {
                if (known(k))
                    in.bit();
                else
                    --zeros;
            }
            if ((symbol & 15) != 0 && k < 64) nonzero |= std::uint64_t{1} << k;
        }
        if (run_ > 0) {
            for (; k <= scan_->last; ++k)
                if (known(k)) in.bit();
            --run_;
        }
        return true;
    }

    ByteView file_;
    const JpegFile& jpeg_;
    std::size_t mcus_across_ = 0, mcus_down_ = 0;
    std::vector<Blocks> blocks_;
    const JpegScan* scan_ = nullptr;
    std::array<JpegCode, 4> dc_{}, ac_{};
    unsigned run_ = 0;  // blocks that follow without new coefficients
};

}  // namespace tessera::image::detail
