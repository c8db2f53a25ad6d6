#pragma once
// decode_image: decodes a PNG or JPEG. The first bytes of the file decide which, not its name.
//
// Errors   FormatError where the file is neither, is malformed or exceeds the limits; read_image: IoError where it
//          cannot be read; std::bad_alloc
// Cost     as decode_png; a JPEG is decoded once. read_image also holds the whole file

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/file.hpp>
#include <tessera/image/check_jpeg.hpp>
#include <tessera/image/decode_png.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

/// Decodes the file called `name` to 1 (gray) or 3 (RGB) channels.
static inline Pixels decode_image(ByteView file, std::size_t channels, std::string_view name,
                                  const ReadLimits& limits = {}) {
    if (is_png(file)) return decode_png(file, channels, name, limits);
    if (!is_jpeg(file)) malformed(FormatCode::magic, name, 0, "neither a PNG nor a JPEG");
    check_jpeg(file, name, limits);
    return detail::decode_checked(file, channels, name);
}

static inline Pixels read_image(const std::string& path, std::size_t channels, const ReadLimits& limits = {}) {
    return decode_image(read_file(path, limits.file), channels, path, limits);
}

}  // namespace tessera::image
