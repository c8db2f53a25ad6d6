#pragma once
// check_jpeg: checks that a file has a JPEG image that we are willing to decode (ITU-T T.81).
//
//     FF D8 | FF marker length(2) ... | FF DA length(2) ... coded data | ... | FF D9
//
// Baseline, extended and progressive Huffman coding with 8 bits are accepted, with one (gray), three (colour) or four
// components (CMYK); arithmetic coding, 12 bits, lossless and hierarchical coding are rejected. Decoders trust the
// tables: stb_image 2.27 writes beyond its arrays when a Huffman table lists more than 256 codes, and reads tables that
// were never defined. So every table that a scan uses is checked, and its defaults are supplied where a sequential file
// has none (motion JPEG). What does no harm is skipped, as in libjpeg: bytes between segments, unknown segments,
// the spectral range of a sequential scan, components with one number, whatever follows the end marker.
//
// The coded data are walked before they are decoded: each scan must have all of its blocks, with or without an end
// marker; otherwise the message says how many it has. (A viewer fills what is missing with gray, which a data set
// should not learn.) Without its end marker a progressive file must also have all bits of all coefficients. One restart
// marker that is lost between two whole intervals is put back, where a viewer loses an interval; bytes before the
// marker that is due, and surplus data after a scan, are dropped. Coefficients that no encoder makes of 8-bit samples,
// and with which the inverse DCT of stb_image could overflow, are rejected.
//
// Over 250 lines: one function for each kind of segment, with its checks, in the order of the format.
//
// Errors   FormatError with the offset in the file
// Cost     two passes over the file, the second a Huffman decoder without pixels: 51 of the 381 ms that 12 megapixels
//          (2.7 MB) take to decode, 142 of 636 ms where they are progressive. Allocates lists of components and of
//          scans, and 16 bytes a block of a progressive file

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/check_image_size.hpp>
#include <tessera/image/detail/jpeg_default_tables.hpp>
#include <tessera/image/detail/jpeg_file.hpp>
#include <tessera/image/detail/jpeg_walk.hpp>
#include <tessera/image/file_type.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::image {

inline bool is_jpeg(ByteView file) { return file_type(file) == FileType::jpeg; }

namespace detail {

class JpegReader {
public:
    JpegReader(ByteView file, std::string_view name, const ReadLimits& limits)
        : file_{file}, name_{name}, limits_{limits} {}

    JpegFile read() {
        if (!is_jpeg(file_)) refuse(0, "not a JPEG", FormatCode::magic);
        at_ = 2;
        while (segment()) {
        }
        if (jpeg_.scans.empty()) refuse(at_, "the file has no image data");
        for (const JpegComponent& c : jpeg_.components)
            if (!c.scanned) refuse(at_, "no scan has component " + std::to_string(c.id));
        jpeg_.colors = colors();
        // Scans are independent, and stb_image clears a block when it decodes its first DC coefficient.
        if (jpeg_.progressive()) {
            auto place = jpeg_.scans.begin();
            for (auto scan = place; scan != jpeg_.scans.end(); ++scan)
                if (scan->first == 0 && scan->high == 0) std::rotate(place++, scan, scan + 1);
        }
        require_whole();
        return std::move(jpeg_);
    }

private:
    [[gnu::__noreturn__]] void refuse(std::size_t at, const std::string& what,
                                      FormatCode code = FormatCode::jpeg) const {
        malformed(code, name_, at, "JPEG: " + what);
    }
    std::size_t two(std::size_t at) const { return std::size_t{file_[at]} << 8 | file_[at + 1]; }

    /// The file ends before its end marker, which is allowed after image data.
    bool ends_early(const char* where) const {
        if (jpeg_.scans.empty())
            refuse(file_.size(), std::string{"the file ends early, "} + where, FormatCode::truncated);
        return false;
    }

    /// Moves past the next marker, over other bytes, fill bytes, and a stuffed FF; 0 at the end of the file.
    unsigned next_marker() {
        while (at_ < file_.size()) {
            while (at_ < file_.size() && file_[at_] != 0xFF) ++at_;
            while (at_ < file_.size() && file_[at_] == 0xFF) ++at_;
            if (at_ < file_.size() && file_[at_++] != 0) return file_[at_ - 1];
        }
        return 0;
    }

    /// One marker and its segment; false at the end of the image.
    bool segment() {
        const unsigned marker = next_marker();
        const std::size_t marker_at = at_ - 2;
        if (marker == 0) return ends_early("before its image data");
        if (marker == 0xD9) {
            jpeg_.ended = true;
            return false;
        }
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) return true;  // markers without a segment
        if (marker == 0xD8) {
            if (jpeg_.scans.empty()) refuse(marker_at, "a marker in the wrong place");
            return false;  // another image follows one without an end marker
        }
        if (file_.size() - at_ < 2) return ends_early("in a segment");
        const std::size_t length = two(at_);
        const bool is_text = (marker >= 0xE0 && marker <= 0xEF) || marker == 0xFE;
        if (length < 2 && !is_text) refuse(at_, "a segment of " + std::to_string(length) + " bytes");
        if (length > file_.size() - at_) return ends_early("in a segment");
        const std::size_t start = at_ + 2, end = at_ + (std::max)(length, std::size_t{2});
        at_ = end;
        if (marker == 0xC4) {
            huffman(start, end);
        } else if (marker == 0xDB) {
            quantization(start, end);
        } else if (marker == 0xDD) {
            if (length != 4)
                refuse(marker_at, "a restart interval of " + std::to_string(length) + " bytes, expected 4");
            restart_ = two(start);
        } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xCC) {
            frame(marker, start, end);
        } else if (marker == 0xF7) {
            refuse(marker_at, "JPEG-LS is not supported");
        } else if (marker == 0xDA) {
            scan(start, end);
            coded_data();
        } else if (is_text) {
            application(marker, file_.subspan(start, end - start));
        }
        return true;
    }

    /// JFIF and Adobe say what the colours are, EXIF the orientation.
    void application(unsigned marker, ByteView body) {
        const auto starts = [&](std::string_view text) {
            return body.size() >= text.size() &&
                   std::equal(text.begin(), text.end(), body.begin(),
                              [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; });
        };
        using namespace std::string_view_literals;
        if (marker == 0xE0 && body.size() >= 14 && starts("JFIF\0"sv)) jfif_ = true;
        if (marker == 0xEE && body.size() >= 12 && starts("Adobe"sv)) adobe_ = body[11];
        if (marker == 0xE1 && jpeg_.exif.empty() && starts("Exif\0\0"sv)) jpeg_.exif = body.subspan(6);
    }

    /// As libjpeg decides it.
    JpegColors colors() const {
        const std::vector<JpegComponent>& c = jpeg_.components;
        if (c.size() == 1) return JpegColors::gray;
        if (c.size() == 4) return adobe_ > 0 ? JpegColors::ycck : JpegColors::cmyk;
        if (jfif_ || adobe_ > 0) return JpegColors::ycbcr;
        const bool letters = c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B';
        return adobe_ == 0 || letters ? JpegColors::rgb : JpegColors::ycbcr;
    }

    void huffman(std::size_t at, std::size_t end) {
        while (at < end) {
            std::size_t codes = 0;
            const unsigned table = file_[at];
            if (end - at < 17 || table >> 4 > 1 || (table & 15) > 3) refuse(at, "a damaged Huffman table");
            for (std::size_t i = 1; i <= 16; ++i) codes += file_[at + i];
            if (codes > 256 || codes > end - at - 17)
                refuse(at, "a Huffman table of " + std::to_string(codes) + " codes");
            huffman_[table >> 4][table & 15] = file_.subspan(at + 1, 16 + codes);
            at += 17 + codes;
        }
    }

    void quantization(std::size_t at, std::size_t end) {
        while (at < end) {
            const unsigned table = file_[at];
            const std::size_t size = 1 + std::size_t{64} * (table >> 4 ? 2 : 1);
            if (table >> 4 > 1 || (table & 15) > 3 || end - at < size) refuse(at, "a damaged quantization table");
            quantization_[table & 15] = file_.subspan(at, size);
            at += size;
        }
    }

    void frame(unsigned marker, std::size_t at, std::size_t end) {
        if (marker == 0xC3 || marker == 0xC8) refuse(at - 4, "lossless coding is not supported");
        if (marker >= 0xC5 && marker <= 0xC7) refuse(at - 4, "hierarchical coding is not supported");
        if (marker > 0xC8) refuse(at - 4, "arithmetic coding is not supported, only Huffman coding");
        if (!jpeg_.components.empty() || end - at < 6) refuse(at - 4, "a second or a short frame header");
        if (file_[at] != 8) refuse(at, std::to_string(file_[at]) + " bits per sample are not supported, only 8");
        jpeg_.frame = marker;
        jpeg_.height = two(at + 1);
        jpeg_.width = two(at + 3);
        if (jpeg_.height == 0) refuse(at + 1, "the height is 0: one that follows in a DNL segment is not supported");
        check_image_size(jpeg_.width, jpeg_.height, limits_, name_, at + 1);
        const std::size_t count = file_[at + 5];
        if (count != 1 && count != 3 && count != 4)
            refuse(at + 5, "components: " + expected_got("1 (gray), 3 (colour) or 4 (CMYK)", std::to_string(count)));
        if (end - at != 6 + 3 * count) refuse(at - 4, "a second or a short frame header");
        for (std::size_t c = at + 6; c < end; c += 3) {
            const std::size_t across = file_[c + 1] >> 4, down = file_[c + 1] & 15;
            if (across < 1 || across > 4 || down < 1 || down > 4 || file_[c + 2] > 3) refuse(c, "a damaged component");
            jpeg_.components.push_back({file_[c], across, down, file_[c + 2]});
        }
        for (const JpegComponent& c : jpeg_.components)
            if (jpeg_.most_across() % c.across != 0 || jpeg_.most_down() % c.down != 0)
                refuse(at + 6, "sampling factors whose ratio is no integer are not supported");
    }

    void scan(std::size_t at, std::size_t end) {
        if (jpeg_.components.empty()) refuse(at, "image data before the frame header");
        if (jpeg_.scans.size() >= limits_.jpeg_scans)
            refuse(at, "more than " + std::to_string(limits_.jpeg_scans) + " scans", FormatCode::limit);
        JpegScan scan;
        scan.count = end == at ? 0 : file_[at];
        if (scan.count < 1 || scan.count > jpeg_.components.size() || end - at != 4 + 2 * scan.count)
            refuse(at, "a damaged scan header");
        if (jpeg_.progressive()) {  // a sequential scan has all coefficients, whatever is written here
            scan.first = file_[end - 3];
            scan.last = file_[end - 2];
            scan.high = file_[end - 1] >> 4;
            scan.low = file_[end - 1] & 15;
            if (scan.first > scan.last || scan.last > 63 || scan.high > 13 || scan.low > 13 ||
                (scan.first == 0 ? scan.last != 0 : scan.count != 1))
                refuse(end - 3, "a damaged scan header");
        }
        for (std::size_t i = 0; i < scan.count; ++i) scan_component(scan, i, at + 1 + 2 * i);
        scan.restart = restart_;
        blocks_ += jpeg_.extent(scan).blocks;
        if (blocks_ > limits_.jpeg_blocks)
            refuse(at,
                   "more than " + std::to_string(limits_.jpeg_blocks) + " blocks of 8 x 8 samples in " +
                       std::to_string(jpeg_.scans.size() + 1) + " scans of " + std::to_string(jpeg_.width) + " x " +
                       std::to_string(jpeg_.height) + " pixels",
                   FormatCode::limit);
        jpeg_.scans.push_back(scan);
    }

    void scan_component(JpegScan& scan, std::size_t i, std::size_t at) {
        const unsigned dc = file_[at + 1] >> 4, ac = file_[at + 1] & 15;
        std::size_t k = 0;
        const auto taken = [&] {
            return std::find(scan.component.begin(), scan.component.begin() + i, k) != scan.component.begin() + i;
        };
        while (k < jpeg_.components.size() && (jpeg_.components[k].id != file_[at] || taken())) ++k;
        if (k == jpeg_.components.size()) refuse(at, "a damaged scan header");
        JpegComponent& component = jpeg_.components[k];
        scan.component[i] = k;
        if (component.table.empty()) component.table = quantization_[component.quantization];  // also of later scans
        if (component.table.empty()) refuse(at, "a scan needs a table that is missing");
        if (!jpeg_.progressive() || (scan.first == 0 && scan.high == 0)) scan.dc[i] = table(0, dc, at);
        if (!jpeg_.progressive() || scan.first > 0) scan.ac[i] = table(1, ac, at);
        component.scanned = component.scanned || (scan.first == 0 && (!jpeg_.progressive() || scan.high == 0));
    }

    ByteView table(unsigned kind, unsigned number, std::size_t at) const {
        if (number > 3) refuse(at, "a damaged scan header");  // only of a table that the scan needs, as in libjpeg
        ByteView table = huffman_[kind][number];
        if (table.empty() && number < 2 && !jpeg_.progressive())
            table = kind == 0 ? ByteView{jpeg_default_dc[number]} : ByteView{jpeg_default_ac[number]};
        if (table.empty()) refuse(at, "a scan needs a table that is missing");
        std::size_t left = 1;  // codes of this length that no shorter code begins
        for (std::size_t i = 0; i < 16; ++i) {
            left *= 2;
            if (table[i] > left) refuse(at, "a scan needs a Huffman table that is damaged");
            left -= table[i];
        }
        return table;
    }

    /// Finds the end of a scan's coded data, in which FF is followed by 00 or by a restart marker.
    void coded_data() {
        JpegScan& scan = jpeg_.scans.back();
        scan.at = at_;
        while (true) {
            const auto found = std::find(file_.begin() + static_cast<std::ptrdiff_t>(at_), file_.end(), 0xFF);
            scan.end = at_ = static_cast<std::size_t>(found - file_.begin());
            while (at_ < file_.size() && file_[at_] == 0xFF) ++at_;
            if (at_ == file_.size()) {  // the file ends in the data, perhaps with half a marker
                at_ = scan.end;
                return;
            }
            if (file_[at_] != 0 && (file_[at_] < 0xD0 || file_[at_] > 0xD7)) {
                at_ = scan.end;
                return;
            }
            ++at_;
        }
    }

    /// Throws where a scan has an invalid code or ends early; else ends and mends its data for a decoder. Without an
    /// end marker a progressive file must have all bits of all coefficients.
    void require_whole() {
        JpegWalk walk{file_, jpeg_};
        std::array<std::array<unsigned, 64>, 4> bits;  // the lowest bit so far
        for (auto& component : bits) component.fill(14);
        for (std::size_t s = 0; s < jpeg_.scans.size(); ++s) {
            JpegScan& scan = jpeg_.scans[s];
            const JpegWalk::Result result = walk.scan(scan);
            const std::string name = "scan " + std::to_string(s + 1);
            if (result.sum != 0)
                refuse(result.at,
                       name + ": sum of the absolute coefficients of a block: " +
                           expected_got("at most " + std::to_string(JpegWalk::most_sum), std::to_string(result.sum)));
            if (result.damaged) refuse(result.at, name + " has an invalid code");
            if (result.whole < result.mcus)
                refuse(jpeg_.ended ? scan.end : file_.size(),
                       (jpeg_.ended ? name + " ends early: it" : "the file ends early: " + name) + " has " +
                           std::to_string(result.whole) + " of " + std::to_string(result.mcus) + " blocks",
                       FormatCode::truncated);
            scan.end = result.at;  // stb_image fails where surplus data look like a marker
            for (std::size_t i = 0; i < scan.count; ++i)
                for (unsigned k = scan.first; k <= scan.last; ++k) bits[scan.component[i]][k] = scan.low;
        }
        if (jpeg_.ended || !jpeg_.progressive()) return;
        for (std::size_t c = 0; c < jpeg_.components.size(); ++c)
            for (std::size_t k = 0; k < 64; ++k)
                if (bits[c][k] != 0)
                    refuse(file_.size(),
                           "the file ends early, after scan " + std::to_string(jpeg_.scans.size()) + ": coefficient " +
                               std::to_string(k) + " of component " + std::to_string(c + 1) + " is not complete",
                           FormatCode::truncated);
    }

    ByteView file_;
    std::string_view name_;
    const ReadLimits& limits_;
    std::size_t at_ = 0;
    JpegFile jpeg_;
    bool jfif_ = false;
    int adobe_ = -1;                                    // the colour transform of the Adobe segment
    std::array<std::array<ByteView, 4>, 2> huffman_{};  // the tables as last defined: DC and AC
    std::array<ByteView, 4> quantization_{};
    std::size_t restart_ = 0;
    std::uint64_t blocks_ = 0;  // of all scans
};

/// What a file says that may be decoded.
inline JpegFile read_jpeg(ByteView file, std::string_view name, const ReadLimits& limits) {
    return JpegReader{file, name, limits}.read();
}

}  // namespace detail

/// Throws FormatError unless the file called `name` has a JPEG image within the limits.
inline void check_jpeg(ByteView file, std::string_view name, const ReadLimits& limits = {}) {
    detail::read_jpeg(file, name, limits);
}

}  // namespace tessera::image
