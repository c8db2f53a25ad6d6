#pragma once
// check_png: checks that a file has a whole PNG image of a size that we are willing to decode (RFC 2083).
//
//     signature(8) | chunk: length(4) type(4) data crc(4) | ... | IEND
//
// Refused is what would change the pixels: a damaged header, palette or image data (by their checksums), rows that are
// missing, an unknown critical chunk before the image data. The rest is skipped, as in libpng: damaged chunks
// that are not used, chunks in unusual places, more image data than the rows need, a wrong Adler-32 checksum where the
// CRCs of the chunks are right, a missing IEND and whatever follows it. Sizes are checked before anything is allocated.
//
// Over 250 lines: the header, the chunks and the length of their data are one check.
//
// Errors   FormatError with the offset in the file
// Cost     decompresses the image once; allocates its filtered rows, and its compressed data if they are in pieces

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/image/check_image_size.hpp>
#include <tessera/image/inflate.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::image {

inline bool is_png(ByteView file) {
    constexpr unsigned char signature[8]{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    return file.size() >= 8 && std::equal(signature, signature + 8, file.begin());
}

struct PngInfo {
    std::uint32_t width = 0, height = 0;
    std::uint32_t depth = 0;  // bits per sample
    std::uint32_t color = 0;  // 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA
    bool interlaced = false;

    std::uint32_t samples() const { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }
};

namespace detail {

/// One of the images that a PNG consists of: all of it, or every dx-th pixel of every dy-th row from (x0, y0) on.
struct PngPass {
    std::size_t x0, y0, dx, dy, width, height;

    /// Bytes of a row without its filter byte.
    std::size_t row(const PngInfo& p) const { return (width * p.samples() * p.depth + 7) / 8; }
};

/// Calls f(pass) for each pass that has pixels: one, or up to seven if interlaced.
template <class F>
void for_each_pass(const PngInfo& p, F f) {
    if (!p.interlaced) {
        f(PngPass{0, 0, 1, 1, p.width, p.height});
        return;
    }
    constexpr unsigned x0[7]{0, 4, 0, 2, 0, 1, 0}, y0[7]{0, 0, 4, 0, 2, 0, 1};
    constexpr unsigned dx[7]{8, 8, 4, 4, 2, 2, 1}, dy[7]{8, 8, 8, 4, 4, 2, 2};
    for (int i = 0; i < 7; ++i)
        if (p.width > x0[i] && p.height > y0[i])
            f(PngPass{x0[i], y0[i], dx[i], dy[i], (p.width + dx[i] - 1 - x0[i]) / dx[i],
                      (p.height + dy[i] - 1 - y0[i]) / dy[i]});
}

/// Bytes of the filtered rows: one extra byte for each row.
inline std::size_t png_data_size(const PngInfo& p) {
    std::size_t size = 0;
    for_each_pass(p, [&](const PngPass& pass) { size += pass.height * (pass.row(p) + 1); });
    return size;
}

/// What the chunks of a file say, and the filtered rows. The views are parts of the file.
struct PngFile {
    PngInfo info;
    std::size_t data_at = 0;  // offset of the first IDAT chunk
    ByteView palette{}, transparency{}, exif{};
    Bytes rows;
};

inline PngInfo png_header(ByteView data, std::uint64_t offset, const ReadLimits& limits, std::string_view name) {
    if (data.size() != 13)
        malformed(FormatCode::png, name, offset, "PNG: IHDR of " + std::to_string(data.size()) + " bytes, expected 13");
    PngInfo p{big_endian_32(data, 0), big_endian_32(data, 4), data[8], data[9], data[12] == 1};
    check_image_size(p.width, p.height, limits, name, offset);
    const unsigned depths = p.color == 0 ? 0b11111 : p.color == 3 ? 0b01111 : 0b11000;  // bit k: 2^k bits per sample
    const bool power = p.depth != 0 && p.depth <= 16 && (p.depth & (p.depth - 1)) == 0;
    unsigned log = 0;
    while (power && (1u << log) < p.depth) ++log;
    if ((p.color != 0 && p.color != 2 && p.color != 3 && p.color != 4 && p.color != 6) || !power ||
        !(depths >> log & 1))
        malformed(FormatCode::png, name, offset + 8,
                  "PNG: invalid colour type and depth: " + std::to_string(p.color) + ", " + std::to_string(p.depth) +
                      " bits");
    if (data[10] != 0 || data[11] != 0 || data[12] > 1)
        malformed(FormatCode::png, name, offset + 10, "PNG: unknown compression, filter or interlacing");
    return p;
}

constexpr std::uint32_t png_ihdr = 0x49484452, png_plte = 0x504C5445, png_idat = 0x49444154, png_iend = 0x49454E44,
                        png_trns = 0x74524E53, png_exif = 0x65584966, png_cgbi = 0x43674249;

inline std::string png_name(std::uint32_t type) {
    std::string name;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const char c = static_cast<char>(type >> shift & 0xFF);
        name += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '?';
    }
    return name;
}

/// Reads the chunks of a PNG from the first to the last that is needed.
class PngReader {
public:
    PngReader(ByteView file, std::string_view name, const ReadLimits& limits)
        : file_{file}, name_{name}, limits_{limits} {}

    PngFile read() {
        for (std::size_t at = 8; !complete_ && chunk(at);) {
        }
        if (!header_) refuse(file_.size(), "the file ends early", FormatCode::truncated);
        if (png_.info.color == 3 && png_.palette.empty()) refuse(8, "the palette is missing");
        if (pieces_.empty()) refuse(file_.size(), "the file ends early: it has no image data", FormatCode::truncated);
        inflate_rows();
        return std::move(png_);
    }

private:
    [[gnu::__noreturn__]] void refuse(std::size_t at, const std::string& what,
                                      FormatCode code = FormatCode::png) const {
        malformed(code, name_, at, "PNG: " + what);
    }

    /// Reads the chunk at `at` and moves on to the next one; false where the file ends.
    bool chunk(std::size_t& at) {
        const std::size_t left = file_.size() - at;
        if (left < 8) return false;
        const std::size_t length = big_endian_32(file_, at);
        const std::uint32_t type = big_endian_32(file_, at + 4);
        const bool whole = left >= 12 && length <= left - 12;
        if (header_ == (type == png_ihdr))
            refuse(at, type == png_cgbi ? "IHDR must come first, not CgBI: Apple's PNG for iPhones is not read"
                                        : "IHDR must come first, and once");
        if (!whole && type != png_idat) {
            if (!pieces_.empty()) return false;  // after the image data nothing is needed
            refuse(at, "a chunk of " + std::to_string(length) + " bytes ends after the file", FormatCode::truncated);
        }
        const ByteView body = file_.subspan(at + 8, whole ? length : (std::min)(length, left - 8));
        const bool intact = whole && crc32(file_.subspan(at + 4, length + 4)) == big_endian_32(file_, at + 8 + length);
        const bool needed = type == png_ihdr || type == png_idat || (type == png_plte && png_.info.color == 3);
        if (whole && needed && !intact)
            refuse(at, "the checksum of the chunk " + png_name(type) + " is wrong", FormatCode::checksum);
        if (type == png_ihdr) {
            png_.info = png_header(body, at + 8, limits_, name_);
            header_ = true;
        } else if (type == png_plte && png_.info.color == 3) {
            if (!png_.palette.empty() || !pieces_.empty() || length == 0 || length % 3 != 0 || length > 768)
                refuse(at, "a palette that is empty, too long or in the wrong place");
            png_.palette = body;
        } else if (type == png_idat) {
            if (pieces_.empty()) png_.data_at = at;
            pieces_.push_back({stream_, at + 8});
            stream_ += body.size();
            cut_ = !whole;
        } else if (type == png_trns && intact && pieces_.empty()) {
            png_.transparency = body;
        } else if (type == png_exif && intact) {
            png_.exif = body;
        } else if (type == png_iend) {
            complete_ = true;
        } else if (!(type & 0x20000000) && pieces_.empty() && type != png_plte) {  // an upper-case first letter
            refuse(at, type == 0x43674249 ? "a PNG for iPhones (CgBI) is not supported"
                                          : "the critical chunk " + png_name(type) + " is unknown");
        }
        at += whole ? length + 12 : left;
        return whole;
    }

    /// The image data, in place where they are in one piece.
    ByteView stream(Bytes& joined) const {
        if (pieces_.size() == 1) return file_.subspan(pieces_[0].in_file, stream_);
        joined.reserve(stream_);
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            const std::size_t end = i + 1 < pieces_.size() ? pieces_[i + 1].in_stream : stream_;
            const ByteView piece = file_.subspan(pieces_[i].in_file, end - pieces_[i].in_stream);
            joined.insert(joined.end(), piece.begin(), piece.end());
        }
        return joined;
    }

    void inflate_rows() {
        Bytes joined;
        const ByteView data = stream(joined);
        const StreamOffsets offsets{std::span<const StreamPiece>{pieces_}};
        const std::size_t size = png_data_size(png_.info);
        if (data.size() < 2 || (data[0] & 15) != 8 || (data[0] * 256u + data[1]) % 31 != 0 || (data[1] & 32))
            refuse(offsets(0), "the image data are not a zlib stream");
        if (size / max_inflate_ratio > data.size())  // before anything is allocated for the size that the header states
            refuse(file_.size(), "the image data have less than " + std::to_string(size) + " bytes",
                   FormatCode::truncated);
        png_.rows.resize(size);
        std::size_t written = 0;
        Inflated result;
        try {
            result = inflate(data.subspan(2), png_.rows, written, name_, offsets, 2);
        } catch (const FormatError&) {
            if (!complete_) refuse_short(written);
            throw;
        }
        if (written != size && complete_)
            refuse(offsets(2 + result.consumed),
                   "the image data have " + std::to_string(written) + " bytes, expected " + std::to_string(size));
        if (written != size) refuse_short(written);
        if (!cut_) return;  // the CRCs were right: a wrong Adler-32 is a mistake of the program that wrote the file
        const std::size_t at = 2 + result.consumed;
        if (!result.complete || data.size() - at < 4)
            refuse(file_.size(), "the file ends before the checksum of the image data", FormatCode::truncated);
        if (big_endian_32(data, at) != adler32(png_.rows))
            refuse(offsets(at), "the checksum of the image data is wrong", FormatCode::checksum);
    }

    [[gnu::__noreturn__]] void refuse_short(std::size_t written) const {
        refuse(file_.size(),
               "the file ends early: " + std::to_string(written) + " of " + std::to_string(png_.rows.size()) +
                   " bytes of the rows are there",
               FormatCode::truncated);
    }

    static std::uint32_t adler32(ByteView bytes) {
        std::uint32_t a = 1, b = 0;  // 5552 is the largest number of steps without overflow in 32 bits
        for (std::size_t i = 0; i < bytes.size();) {
            for (const std::size_t end = (std::min)(bytes.size(), i + 5552); i < end; ++i) b += a += bytes[i];
            a %= 65521;
            b %= 65521;
        }
        return b << 16 | a;
    }

    ByteView file_;
    std::string_view name_;
    const ReadLimits& limits_;
    PngFile png_;
    std::vector<StreamPiece> pieces_;  // the bodies of the IDAT chunks
    std::size_t stream_ = 0;           // their length together
    bool header_ = false;
    bool cut_ = false;       // the file ends in the last of them
    bool complete_ = false;  // IEND was reached
};

/// The chunks and the filtered rows of a file that may be decoded.
inline PngFile read_png(ByteView file, std::string_view name, const ReadLimits& limits) {
    if (!is_png(file)) malformed(FormatCode::magic, name, 0, "not a PNG");
    return PngReader{file, name, limits}.read();
}

}  // namespace detail

/// Throws FormatError unless the file called `name` has a PNG image within the limits.
inline PngInfo check_png(ByteView file, std::string_view name, const ReadLimits& limits = {}) {
    return detail::read_png(file, name, limits).info;
}

}  // namespace tessera::image
