#pragma once
// file_type: which image format the first bytes of a file are in. Names and extensions have no influence.
//
//     file_type(bytes)            FileType::jpeg for a .jfif, a .jpe, and for a JPEG that is called a.png
//     name_of(FileType::heic)     "HEIC", for messages
//
// The first `file_type_bytes` bytes of a file suffice. Only PNG and JPEG can be decoded (can_decode); the others are
// known so that a folder can count what it skips. HEIC and AVIF are told apart by the brands in their first box.
//
// Cost     reads at most 64 bytes, allocates nothing

#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

enum class FileType : std::uint8_t {
    unknown,
    png,
    jpeg,
    gif,
    webp,
    bmp,
    tiff,
    heic,
    avif,
    jpeg_xl,
    jpeg_2000,
    netpbm,  ///< PBM, PGM, PPM, PAM
    psd
};

/// Number of values of FileType, for arrays of counts.
inline constexpr std::size_t file_types = 13;

/// Number of bytes from the start of a file that decide its type.
inline constexpr std::size_t file_type_bytes = 64;

[[nodiscard]] constexpr std::string_view name_of(FileType type) {
    constexpr std::string_view names[file_types]{"unknown", "PNG",  "JPEG",    "GIF",       "WebP",   "BMP", "TIFF",
                                                 "HEIC",    "AVIF", "JPEG XL", "JPEG 2000", "Netpbm", "PSD"};
    const auto i = static_cast<std::size_t>(type);
    return i < file_types ? names[i] : names[0];
}

/// Whether decode_image can read files of this type.
[[nodiscard]] constexpr bool can_decode(FileType type) { return type == FileType::png || type == FileType::jpeg; }

namespace detail {

/// The type of an ISO base media file, from the brands of its ftyp box: size(4) "ftyp" brand(4) version(4) brand(4)...
constexpr FileType type_of_brands(ByteView bytes) {
    bool heic = false;
    const std::size_t box = big_endian_32(bytes, 0);
    for (std::size_t at = 8; at + 4 <= bytes.size() && at + 4 <= box; at += at == 8 ? 8 : 4) {
        if (bytes_are(bytes, at, "avif") || bytes_are(bytes, at, "avis")) return FileType::avif;
        for (const std::string_view brand : {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1"})
            heic = heic || bytes_are(bytes, at, brand);
    }
    return heic ? FileType::heic : FileType::unknown;
}

/// FF D8 and the next marker; some cameras write zeros between them.
constexpr bool is_jpeg_start(ByteView bytes) {
    if (!bytes_are(bytes, 0, "\xFF\xD8")) return false;
    std::size_t at = 2;
    while (at < bytes.size() && at < file_type_bytes && bytes[at] == 0) ++at;
    return at < bytes.size() && at < file_type_bytes && bytes[at] == 0xFF;
}

constexpr bool is_bmp(ByteView bytes) {  // two letters are few: the size of the second header must be a known one
    if (!bytes_are(bytes, 0, "BM") || bytes.size() < 18) return false;
    for (const std::uint32_t size : {12u, 16u, 40u, 52u, 56u, 64u, 108u, 124u})
        if (little_endian_32(bytes, 14) == size) return true;
    return false;
}

}  // namespace detail

[[nodiscard]] constexpr FileType file_type(ByteView bytes) {
    using namespace std::string_view_literals;
    const auto starts = [&](std::string_view text) { return bytes_are(bytes, 0, text); };
    if (starts("\x89PNG\r\n\x1A\n"sv)) return FileType::png;
    if (detail::is_jpeg_start(bytes)) return FileType::jpeg;
    if (starts("GIF87a"sv) || starts("GIF89a"sv)) return FileType::gif;
    if (starts("RIFF"sv) && bytes_are(bytes, 8, "WEBP"sv)) return FileType::webp;
    if (detail::is_bmp(bytes)) return FileType::bmp;
    if (starts("II*\0"sv) || starts("MM\0*"sv) || starts("II+\0"sv) || starts("MM\0+"sv)) return FileType::tiff;
    if (starts("\xFF\x0A"sv) || starts("\0\0\0\x0CJXL \r\n\x87\n"sv)) return FileType::jpeg_xl;
    if (starts("\xFF\x4F\xFF\x51"sv) || starts("\0\0\0\x0CjP  \r\n\x87\n"sv)) return FileType::jpeg_2000;
    if (bytes_are(bytes, 4, "ftyp"sv)) return detail::type_of_brands(bytes);
    if (starts("8BPS"sv)) return FileType::psd;
    if (bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' &&
        (bytes[2] == '\n' || bytes[2] == '\r' || bytes[2] == ' ' || bytes[2] == '\t'))
        return FileType::netpbm;
    return FileType::unknown;
}

}  // namespace tessera::image
