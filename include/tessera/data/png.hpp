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
    if (file.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        malformed(FormatCode::limit, name, 0, "image: a file of more than 2 GiB");
    int width = 0, height = 0, found = 0;
    const StbPixels pixels{::stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width,
                                                   &height, &found, static_cast<int>(channels))};
    if (!pixels) malformed(FormatCode::image, name, 0, std::string{"image: "} + ::stbi_failure_reason());
    Pixels image{static_cast<std::size_t>(height), static_cast<std::size_t>(width), channels, {}};
    image.values.assign(pixels.get(), pixels.get() + image.height * image.width * channels);
    return image;
}
}  // namespace detail

/// Decodes to 1 (gray) or 3 (RGB) channels of 8 bits; of 16 bits the upper 8 are kept, transparency is left
/// out.
inline Pixels decode_png(ByteView file, std::size_t channels, std::string_view name,
                         const Limits& limits = {}) {
    check_png(file, name, limits);
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
