#pragma once
// decode_image: decodes a PNG or JPEG. The first bytes of the file decide which, not its name.
//
// DecodeOptions say what becomes of orientation, transparency and 16-bit samples; the defaults give what a viewer
// shows.
//
// Errors   FormatError where the file is neither, is malformed or exceeds the limits; ArgumentError where channels is
//          not 1 or 3, or an option is invalid; read_image: IoError where the file cannot be read; std::bad_alloc
// Cost     as decode_png and decode_jpeg; read_image also holds the whole file

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/file.hpp>
#include <tessera/image/decode_jpeg.hpp>
#include <tessera/image/decode_options.hpp>
#include <tessera/image/decode_png.hpp>
#include <tessera/image/file_type.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

/// Decodes the file called `name` to 1 (gray) or 3 (RGB) channels.
[[nodiscard]] static inline Pixels decode_image(ByteView file, std::size_t channels, std::string_view name,
                                                const ReadLimits& limits = {}, const DecodeOptions& options = {}) {
    switch (const FileType type = file_type(file)) {
    case FileType::png:
        return decode_png(file, channels, name, limits, options);
    case FileType::jpeg:
        return decode_jpeg(file, channels, name, limits, options);
    case FileType::unknown:
        malformed(FormatCode::magic, name, 0, "neither a PNG nor a JPEG");
    default:
        malformed(FormatCode::magic, name, 0, "neither a PNG nor a JPEG: the file is a " + std::string{name_of(type)});
    }
}

[[nodiscard]] static inline Pixels read_image(const std::string& path, std::size_t channels,
                                              const ReadLimits& limits = {}, const DecodeOptions& options = {}) {
    return decode_image(read_file(path, limits.file), channels, path, limits, options);
}

}  // namespace tessera::image
