#pragma once
// PNG in and out, in memory and in files: decode_png, encode_png, write_png. Files are replaced as a whole.

#include <tessera/core/bytes.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/file.hpp>
#include <tessera/core/limits.hpp>
#include <tessera/data/check_png.hpp>
#include <tessera/data/pixels.hpp>
#include <tessera/data/stb.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::data {

namespace detail {
struct Free {
    void operator()(unsigned char* p) const { ::stbi_image_free(p); }
};
using StbPixels = std::unique_ptr<unsigned char, Free>;

/// A file that has passed its check; stb converts to the channels (gray = 0.299 R + 0.587 G + 0.114 B).
inline Pixels decode_checked(ByteView file, std::size_t channels, std::string_view name) {
    if (file.size() > static_cast<std::size_t>((std::numeric_limits<int>::max)()))
        malformed(FormatCode::limit, name, 0, "image: a file of more than 2 GiB");
    int width = 0, height = 0, found = 0;
    const StbPixels pixels{::stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width,
                                                   &height, &found, static_cast<int>(channels))};
    if (!pixels && std::string_view{::stbi_failure_reason()} == "outofmem") throw std::bad_alloc();  // not the file's fault
    if (!pixels) malformed(FormatCode::image, name, 0, std::string{"image: "} + ::stbi_failure_reason());
    Pixels image{static_cast<std::size_t>(height), static_cast<std::size_t>(width), channels, {}};
    image.values.assign(pixels.get(), pixels.get() + image.height * image.width * channels);
    return image;
}

/// The file with a palette of 256 colours, those that it lacks in black: stb_image 2.27 reads its stack for them.
inline Bytes with_full_palette(ByteView file, const PngInfo& info) {
    const ByteView before = file.first(info.palette_at), after = file.subspan(info.palette_at + 12 + info.palette_size);
    const Bytes header{0, 0, 3, 0, 'P', 'L', 'T', 'E'};
    Bytes full(before.begin(), before.end());
    full.insert(full.end(), header.begin(), header.end());
    const ByteView colours = file.subspan(info.palette_at + 8, info.palette_size);
    full.insert(full.end(), colours.begin(), colours.end());
    full.resize(full.size() + 768 - info.palette_size);
    full.resize(full.size() + 4);  // the checksum, which stb_image does not read
    full.insert(full.end(), after.begin(), after.end());
    return full;
}
}  // namespace detail

/// Decodes to 1 (gray) or 3 (RGB) channels of 8 bits; of 16 bits the upper 8 are kept, transparency is left
/// out. A colour that its palette lacks is black.
inline Pixels decode_png(ByteView file, std::size_t channels, std::string_view name,
                         const Limits& limits = {}) {
    const PngInfo info = check_png(file, name, limits);
    if (info.color == 3 && info.palette_size < 768)
        return detail::decode_checked(detail::with_full_palette(file, info), channels, name);
    return detail::decode_checked(file, channels, name);
}

/// An 8-bit PNG with 1 to 4 channels (gray, gray and alpha, RGB, RGBA).
inline Bytes encode_png(const Pixels& image) {
    const std::size_t row = image.width * image.channels;
    if (image.channels < 1 || image.channels > 4 || image.width == 0 || image.height == 0 ||
        image.values.size() != image.height * row || row > 0x3FFFFFFF / image.height)
        throw ArgumentError("encode_png: " + std::to_string(image.height) + " x " +
                            std::to_string(image.width) + " x " + std::to_string(image.channels) + " from " +
                            std::to_string(image.values.size()) +
                            " bytes: expected that many bytes, at most 2^30, in 1 to 4 channels");
    int length = 0;
    const detail::StbPixels png{
        ::stbi_write_png_to_mem(image.values.data(), static_cast<int>(row), static_cast<int>(image.width),
                                static_cast<int>(image.height), static_cast<int>(image.channels), &length)};
    if (!png) throw std::bad_alloc();
    return Bytes(png.get(), png.get() + length);
}

/// Replaces the file at `path`.
inline void write_png(const std::string& path, const Pixels& image) { write_file(path, encode_png(image)); }

}  // namespace tessera::inline TESSERA_ABI::data
