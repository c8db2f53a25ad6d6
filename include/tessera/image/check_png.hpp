#pragma once
// check_png: checks that a file is a complete, undamaged PNG of a size that we are willing to decode (RFC 2083).
//
//     signature(8) | chunk: length(4) type(4) data crc(4) | ... | IEND
//
// stb_image ignores checksums and the length of the data. Here the order of the chunks, every CRC, the Adler-32
// checksum and the exact length of the decompressed rows are checked first, and the sizes before anything is allocated.
//
// Errors   FormatError with the offset in the file
// Cost     decompresses the image once; allocates its compressed data and its filtered rows

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/image/check_image_size.hpp>
#include <tessera/image/inflate.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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
    std::size_t palette_at = 0, palette_size = 0;  // offset of its chunk, and bytes of its colours

    std::uint32_t samples() const { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }
};

namespace detail {

/// Bytes of the filtered rows: one extra byte for each row, and seven passes if interlaced.
inline std::size_t png_data_size(const PngInfo& p) {
    const auto rows = [&](std::size_t width, std::size_t height) {
        const std::size_t bits = width * p.samples() * p.depth;
        return width == 0 ? 0 : height * ((bits + 7) / 8 + 1);
    };
    if (!p.interlaced) return rows(p.width, p.height);
    constexpr unsigned x0[7]{0, 4, 0, 2, 0, 1, 0}, y0[7]{0, 0, 4, 0, 2, 0, 1};
    constexpr unsigned dx[7]{8, 8, 4, 4, 2, 2, 1}, dy[7]{8, 8, 8, 4, 4, 2, 2};
    std::size_t size = 0;
    for (int i = 0; i < 7; ++i)
        size += rows((p.width + dx[i] - 1 - x0[i]) / dx[i], (p.height + dy[i] - 1 - y0[i]) / dy[i]);
    return size;
}

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

inline void check_png_data(ByteView stream, const PngInfo& p, std::string_view name) {
    const std::size_t size = png_data_size(p);
    if (stream.size() < 6 || (stream[0] & 15) != 8 || (stream[0] * 256u + stream[1]) % 31 != 0 || (stream[1] & 32))
        malformed(FormatCode::png, name, 0, "PNG: the image data are not a zlib stream");
    if (size / max_inflate_ratio > stream.size())  // before anything is allocated for the size that the header states
        malformed(FormatCode::truncated, name, 0,
                  "PNG: the image data have less than " + std::to_string(size) + " bytes");
    Bytes rows(size);
    std::size_t written = 0;
    const Inflated result = inflate(stream.subspan(2), rows, written, name, 2);
    if (!result.complete || written != size)
        malformed(FormatCode::png, name, result.consumed,
                  "PNG: the image data have " + (result.complete ? std::to_string(written) : std::string{"more"}) +
                      " bytes, expected " + std::to_string(size));
    std::uint32_t a = 1, b = 0;  // Adler-32; 5552 is the largest number of steps without overflow in 32 bits
    for (std::size_t i = 0; i < size;) {
        for (const std::size_t end = (std::min)(size, i + 5552); i < end; ++i) b += a += rows[i];
        a %= 65521;
        b %= 65521;
    }
    const std::size_t at = 2 + result.consumed;
    if (stream.size() - at < 4) malformed(FormatCode::truncated, name, at, "PNG: the image data end early");
    if (big_endian_32(stream, at) != (b << 16 | a))
        malformed(FormatCode::checksum, name, at, "PNG: the checksum of the image data is wrong");
}

}  // namespace detail

/// Throws FormatError unless the file called `name` is a valid PNG within the limits.
inline PngInfo check_png(ByteView file, std::string_view name, const ReadLimits& limits = {}) {
    if (!is_png(file)) malformed(FormatCode::magic, name, 0, "not a PNG");
    PngInfo info;
    Bytes data;
    bool header = false, palette = false, data_over = false, end = false;
    for (std::size_t at = 8; !end;) {
        if (file.size() - at < 12) malformed(FormatCode::truncated, name, file.size(), "PNG: the file ends early");
        const std::uint32_t length = big_endian_32(file, at);
        if (length > file.size() - at - 12)
            malformed(FormatCode::truncated, name, at,
                      "PNG: a chunk of " + std::to_string(length) + " bytes ends after the file");
        const std::uint32_t type = big_endian_32(file, at + 4);
        const ByteView body = file.subspan(at + 8, length);
        if (crc32(file.subspan(at + 4, length + std::size_t{4})) != big_endian_32(file, at + 8 + length))
            malformed(FormatCode::checksum, name, at, "PNG: the checksum of a chunk is wrong");
        constexpr std::uint32_t ihdr = 0x49484452, plte = 0x504C5445, idat = 0x49444154, iend = 0x49454E44;
        if (header == (type == ihdr)) malformed(FormatCode::png, name, at, "PNG: IHDR must come first, and once");
        if (type == ihdr) {
            info = detail::png_header(body, at + 8, limits, name);
            header = true;
        } else if (type == plte) {
            if (palette || !data.empty() || length == 0 || length % 3 != 0 || length > 768)
                malformed(FormatCode::png, name, at, "PNG: a palette that is empty, too long or in the wrong place");
            palette = true;
            info.palette_at = at;
            info.palette_size = length;
        } else if (type == idat) {
            if (data_over) malformed(FormatCode::png, name, at, "PNG: other chunks between the image data");
            data.insert(data.end(), body.begin(), body.end());
        } else if (type == iend) {
            end = true;
        } else if (!(type & 0x20000000)) {  // an upper-case first letter: a critical chunk, which must not be skipped
            malformed(FormatCode::png, name, at, "PNG: an unknown critical chunk");
        }
        data_over = !data.empty() && type != idat;
        at += length + std::size_t{12};
    }
    if (info.color == 3 && !palette) malformed(FormatCode::png, name, 8, "PNG: the palette is missing");
    detail::check_png_data(data, info, name);
    return info;
}

}  // namespace tessera::image
