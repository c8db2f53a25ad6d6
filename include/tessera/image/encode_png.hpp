#pragma once
// encode_png: encodes 8-bit pixels as a PNG, in memory or, with write_png, in a file that is replaced atomically.
//
// The functions are `static`, like everything that calls our copy of stb: see image/stb.hpp.
//
// Errors   ArgumentError where the sizes do not match the bytes or exceed 2^30, or the channels are not 1 to 4;
//          write_png: IoError; std::bad_alloc
// Cost     allocates the PNG twice, once in stb_image_write and once in the result

#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/file.hpp>
#include <tessera/image/pixels.hpp>
#include <tessera/image/stb_write.hpp>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

namespace tessera::inline TESSERA_ABI::image {

namespace detail {
struct FreeWritten {
    void operator()(unsigned char* p) const { (std::free)(p); }  // the same as STBIW_FREE
};
}  // namespace detail

/// An 8-bit PNG with 1 to 4 channels (gray, gray and alpha, RGB, RGBA).
[[nodiscard]] static inline Bytes encode_png(const Pixels& image) {
    const std::size_t row = image.width * image.channels;
    if (image.channels < 1 || image.channels > 4 || image.width == 0 || image.height == 0 ||
        image.values.size() != image.height * row || row > 0x3FFFFFFF / image.height)
        throw ArgumentError("encode_png: " + std::to_string(image.height) + " x " + std::to_string(image.width) +
                            " x " + std::to_string(image.channels) + " from " + std::to_string(image.values.size()) +
                            " bytes: expected that many bytes, at most 2^30, in 1 to 4 channels");
    int length = 0;
    const std::unique_ptr<unsigned char, detail::FreeWritten> png{
        stb::stbi_write_png_to_mem(image.values.data(), static_cast<int>(row), static_cast<int>(image.width),
                                   static_cast<int>(image.height), static_cast<int>(image.channels), &length)};
    if (!png) throw std::bad_alloc();
    return Bytes(png.get(), png.get() + length);
}

/// Replaces the file at `path`.
static inline void write_png(const std::string& path, const Pixels& image) { write_file(path, encode_png(image)); }

}  // namespace tessera::image
