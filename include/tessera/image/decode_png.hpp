#pragma once
// decode_png: decodes a PNG in memory to 8-bit pixels.
//
// The functions are `static`, like everything that calls our copy of stb: see image/stb.hpp.
//
// Errors   FormatError where the file is malformed or exceeds the limits, std::bad_alloc
// Cost     the image data are decompressed twice, by check_png and by stb_image; allocates the decoded pixels twice,
//          once in stb_image and once in the result

#include <tessera/core/error.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/check_png.hpp>
#include <tessera/image/pixels.hpp>
#include <tessera/image/stb.hpp>

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

namespace detail {
struct Free {
    void operator()(unsigned char* p) const { std::free(p); }  // as STBI_FREE
};
using StbPixels = std::unique_ptr<unsigned char, Free>;

/// Decodes a checked file; stb_image converts to `channels` (gray = 0.299 R + 0.587 G + 0.114 B).
static inline Pixels decode_checked(ByteView file, std::size_t channels, std::string_view name) {
    if (file.size() > static_cast<std::size_t>((std::numeric_limits<int>::max)()))
        malformed(FormatCode::limit, name, 0, "image: a file of more than 2 GiB");
    int width = 0, height = 0, found = 0;
    const StbPixels pixels{stb::stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width, &height,
                                                      &found, static_cast<int>(channels))};
    if (!pixels && std::string_view{stb::stbi_failure_reason()} == "outofmem")
        throw std::bad_alloc();  // no error of the file
    if (!pixels) malformed(FormatCode::image, name, 0, std::string{"image: "} + stb::stbi_failure_reason());
    Pixels image{static_cast<std::size_t>(height), static_cast<std::size_t>(width), channels, {}};
    image.values.assign(pixels.get(), pixels.get() + image.height * image.width * channels);
    return image;
}

/// The file with its palette extended to 256 colours by black: for missing colours stb_image 2.27 reads uninitialised
/// memory of its stack.
inline Bytes with_full_palette(ByteView file, const PngInfo& info) {
    const ByteView before = file.first(info.palette_at), after = file.subspan(info.palette_at + 12 + info.palette_size);
    const Bytes header{0, 0, 3, 0, 'P', 'L', 'T', 'E'};
    Bytes full(before.begin(), before.end());
    full.insert(full.end(), header.begin(), header.end());
    const ByteView colours = file.subspan(info.palette_at + 8, info.palette_size);
    full.insert(full.end(), colours.begin(), colours.end());
    full.resize(full.size() + 768 - info.palette_size);
    full.resize(full.size() + 4);  // the checksum, which stb_image ignores
    full.insert(full.end(), after.begin(), after.end());
    return full;
}
}  // namespace detail

/// Decodes to 1 (gray) or 3 (RGB) channels of 8 bits. Of 16 bits the upper 8 are kept, transparency is dropped, and an
/// index beyond the palette is black.
static inline Pixels decode_png(ByteView file, std::size_t channels, std::string_view name,
                                const ReadLimits& limits = {}) {
    const PngInfo info = check_png(file, name, limits);
    if (info.color == 3 && info.palette_size < 768)
        return detail::decode_checked(detail::with_full_palette(file, info), channels, name);
    return detail::decode_checked(file, channels, name);
}

}  // namespace tessera::image
