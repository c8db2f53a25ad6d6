#pragma once
// check_jpeg: checks that a file is a complete JPEG that we are willing to decode (ITU-T T.81).
//
//     FF D8 | FF marker length(2) ... | FF DA length(2) ... coded data | ... | FF D9
//
// The file is read from marker to marker. Baseline and progressive Huffman coding with 8 bits and one (gray) or three
// components are accepted; arithmetic coding, 12 bits and CMYK are rejected, as is a file that ends before its end
// marker or has more scans than the limit. Decoders trust the tables: stb_image 2.27 writes beyond its arrays when a
// Huffman table lists more than 256 codes, and reads tables that were never defined. So every table is checked, and so
// is that it is defined before a scan uses it.
//
// Errors   FormatError with the offset in the file
// Cost     one pass over the file; allocates only the list of components

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/check_image_size.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::image {

inline bool is_jpeg(ByteView file) { return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF; }

namespace detail {

class JpegCheck {
public:
    JpegCheck(ByteView file, std::string_view name, const ReadLimits& limits)
        : file_{file}, name_{name}, limits_{limits} {}

    void run() {
        if (!is_jpeg(file_)) refuse(0, "not a JPEG", FormatCode::magic);
        for (at_ = 2; segment();) {
        }
        if (scans_ == 0) refuse(at_, "the file has no image data");
        for (const Component& c : components_)
            if (!c.scanned) refuse(at_, "no scan has component " + std::to_string(c.id));
    }

private:
    struct Component {
        unsigned id, quantization;
        bool scanned = false;  // at least its DC coefficients, the mean of each block
    };

    [[noreturn]] void refuse(std::size_t at, const std::string& what, FormatCode code = FormatCode::jpeg) const {
        malformed(code, name_, at, "JPEG: " + what);
    }
    void need(std::size_t bytes) const {
        if (file_.size() - at_ < bytes) refuse(file_.size(), "the file ends early", FormatCode::truncated);
    }
    std::size_t two(std::size_t at) const { return std::size_t{file_[at]} << 8 | file_[at + 1]; }

    /// One marker and its segment; false at the end of the image.
    bool segment() {
        need(2);
        if (file_[at_] != 0xFF) refuse(at_, expected_got("a marker", std::to_string(file_[at_])));
        const unsigned marker = file_[at_ + 1];
        if (marker == 0xFF) {  // a fill byte
            ++at_;
            return true;
        }
        at_ += 2;
        if (marker == 0xD9) return false;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) return true;  // markers without a segment
        if (marker == 0xD8 || marker == 0x00) refuse(at_ - 2, "a marker in the wrong place");
        need(2);
        const std::size_t length = two(at_);
        if (length < 2) refuse(at_, "a segment of " + std::to_string(length) + " bytes");
        need(length);
        const std::size_t start = at_ + 2, end = at_ + length;
        at_ = end;
        if (marker == 0xC4) {
            huffman(start, end);
        } else if (marker == 0xDB) {
            quantization(start, end);
        } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8) {
            if (marker > 0xC2) refuse(start - 4, "lossless, hierarchical or arithmetic coding is not supported");
            frame(start, end, marker == 0xC2);
        } else if (marker == 0xDA) {
            scan(start, end);
            coded_data();
        }
        return true;
    }

    void huffman(std::size_t at, std::size_t end) {
        while (at < end) {
            std::size_t codes = 0;
            const unsigned table = file_[at];
            if (end - at < 17 || table >> 4 > 1 || (table & 15) > 3) refuse(at, "a damaged Huffman table");
            for (std::size_t i = 1; i <= 16; ++i) codes += file_[at + i];
            if (codes > 256 || codes > end - at - 17)
                refuse(at, "a Huffman table of " + std::to_string(codes) + " codes");
            huffman_ |= 1u << (table >> 4) * 4 << (table & 15);
            at += 17 + codes;
        }
    }

    void quantization(std::size_t at, std::size_t end) {
        while (at < end) {
            const unsigned table = file_[at];
            const std::size_t size = 1 + std::size_t{64} * (table >> 4 ? 2 : 1);
            if (table >> 4 > 1 || (table & 15) > 3 || end - at < size) refuse(at, "a damaged quantization table");
            quantization_ |= 1u << (table & 15);
            at += size;
        }
    }

    void frame(std::size_t at, std::size_t end, bool progressive) {
        if (!components_.empty() || end - at < 6) refuse(at - 4, "a second or a short frame header");
        if (file_[at] != 8) refuse(at, "bits per sample: " + expected_got(8, file_[at]));
        check_image_size(two(at + 3), two(at + 1), limits_, name_, at + 1);
        const std::size_t count = file_[at + 5];
        if (count != 1 && count != 3)
            refuse(at + 5, "components: " + expected_got("1 (gray) or 3 (no CMYK)", std::to_string(count)));
        if (end - at != 6 + 3 * count) refuse(at - 4, "a second or a short frame header");
        for (std::size_t c = at + 6; c < end; c += 3) {
            const unsigned across = file_[c + 1] >> 4, down = file_[c + 1] & 15;
            if (across < 1 || across > 4 || down < 1 || down > 4 || file_[c + 2] > 3) refuse(c, "a damaged component");
            for (const Component& other : components_)
                if (other.id == file_[c]) refuse(c, "two components have the number " + std::to_string(other.id));
            components_.push_back({file_[c], file_[c + 2]});
        }
        progressive_ = progressive;
    }

    void scan(std::size_t at, std::size_t end) {
        if (components_.empty()) refuse(at, "image data before the frame header");
        if (++scans_ > limits_.jpeg_scans)
            refuse(at, "more than " + std::to_string(limits_.jpeg_scans) + " scans", FormatCode::limit);
        const std::size_t count = end == at ? 0 : file_[at];
        if (count < 1 || count > components_.size() || end - at != 4 + 2 * count) refuse(at, "a damaged scan header");
        const unsigned first = file_[end - 3], last = file_[end - 2], high = file_[end - 1] >> 4,
                       low = file_[end - 1] & 15;
        const bool whole = first == 0 && last == 63 && high == 0 && low == 0;
        const bool part =
            first <= last && last <= 63 && high <= 13 && low <= 13 && (first == 0 ? last == 0 : count == 1);
        if (progressive_ ? !part : !whole) refuse(end - 3, "a damaged scan header");
        for (std::size_t c = at + 1; c < end - 3; c += 2) {
            Component* component = nullptr;
            for (Component& k : components_)
                if (k.id == file_[c]) component = &k;
            const unsigned dc = file_[c + 1] >> 4, ac = file_[c + 1] & 15;
            if (!component || dc > 3 || ac > 3) refuse(c, "a damaged scan header");
            const bool needs_dc = !progressive_ || (first == 0 && high == 0), needs_ac = !progressive_ || first > 0;
            if (!(quantization_ >> component->quantization & 1) || (needs_dc && !(huffman_ >> dc & 1)) ||
                (needs_ac && !(huffman_ >> (4 + ac) & 1)))
                refuse(c, "a scan needs a table that is missing");
            component->scanned = component->scanned || first == 0;
        }
    }

    /// Skips the coded data of a scan, in which FF is followed by 00 or by a restart marker.
    void coded_data() {
        while (true) {
            need(2);
            const unsigned after = file_[at_ + 1];
            if (file_[at_] == 0xFF && after != 0 && (after < 0xD0 || after > 0xD7)) return;
            ++at_;
        }
    }

    ByteView file_;
    std::string_view name_;
    const ReadLimits& limits_;
    std::size_t at_ = 0;
    std::uint64_t scans_ = 0;
    std::vector<Component> components_;
    bool progressive_ = false;
    unsigned huffman_ = 0;       // one bit for each defined table: four for DC, then four for AC
    unsigned quantization_ = 0;  // one bit for each defined table
};

}  // namespace detail

/// Throws FormatError unless the file called `name` is a JPEG within the limits.
inline void check_jpeg(ByteView file, std::string_view name, const ReadLimits& limits = {}) {
    detail::JpegCheck{file, name, limits}.run();
}

}  // namespace tessera::image
