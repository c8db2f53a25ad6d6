#pragma once
// decode_image: decodes a PNG or JPEG. The first bytes of the file decide which, not its name.
//
// A message says what another file is or looks like: a WebP, an empty file, a web page.
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
#include <tessera/files/looks_like.hpp>
#include <tessera/files/utf8.hpp>
#include <tessera/image/decode_jpeg.hpp>
#include <tessera/image/decode_options.hpp>
#include <tessera/image/decode_png.hpp>
#include <tessera/image/file_type.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

namespace detail {

/// Text, or the start of one, perhaps cut within a letter: UTF-8 without control characters.
inline bool is_text(ByteView start) {
    const std::size_t rest = start.size() - io::first_invalid_utf8(start);
    return start.size() >= 4 && rest < 4 && std::ranges::all_of(start, [](unsigned char c) {
               return (c >= 32 && c != 127) || (c >= '\t' && c <= '\r');
           });
}

/// What a file of no known type looks like: ": the file is empty". Empty: like nothing that is known.
inline std::string looks_unlike_an_image(ByteView file) {
    const auto starts = [&](std::string_view text) { return bytes_are(file, 0, text); };
    if (std::ranges::all_of(file, [](unsigned char byte) { return byte == 0; }))
        return file.empty() ? ": the file is empty" : ": all bytes of the file are 0";
    if (starts("\x89PNG\n") || starts("\x89PNG\r\r\n")) return ": a PNG that was copied as text: its line ends changed";
    if (file.size() < 8 && (starts("\x89PNG") || starts("\xFF\xD8"))) return ": the file is cut off";
    const auto start = file.first((std::min)(file.size(), std::size_t{1024}));
    for (std::size_t at = 1; at < (std::min)(start.size(), std::size_t{64}); ++at)
        if (bytes_are(start, at, "\x89PNG\r\n\x1A\n") || bytes_are(start, at, "\xFF\xD8\xFF"))
            return ": an image begins after " + std::to_string(at) + (at == 1 ? " other byte" : " other bytes");
    if (const std::string_view markup = looks_like_markup(start); !markup.empty()) {
        constexpr std::string_view svg = "<svg";
        const bool has_svg = std::search(start.begin(), start.end(), svg.begin(), svg.end()) != start.end();
        return looks_like(has_svg && markup.starts_with("XML") ? std::string_view{"an SVG"} : markup);
    }
    if (std::string known = looks_like(file); !known.empty()) return known;
    using namespace std::string_view_literals;
    if (starts("%PDF-")) return looks_like("a PDF"sv);
    if (starts("%!PS")) return looks_like("PostScript"sv);
    if (starts("\0\0\1\0"sv)) return looks_like("an icon (.ico)"sv);
    if (starts("qoif")) return looks_like("a QOI image"sv);
    if (starts("DDS ")) return looks_like("a DDS image"sv);
    if (bytes_are(file, 4, "ftyp")) return looks_like("a video (MP4, QuickTime)"sv);
    if (starts("data:image") || starts("iVBORw0KGgo") || starts("/9j/")) return looks_like("an image in Base64"sv);
    if (!is_text(start)) return {};
    const auto first = std::ranges::find_if(start, [](unsigned char c) { return c > ' '; });
    const bool json = first != start.end() && (*first == '{' || *first == '[');
    return looks_like(json ? "JSON"sv : "text"sv);
}

}  // namespace detail

/// Decodes the file called `name` to 1 (gray) or 3 (RGB) channels.
[[nodiscard]] static inline Pixels decode_image(ByteView file, std::size_t channels, std::string_view name,
                                                const ReadLimits& limits = {}, const DecodeOptions& options = {}) {
    const FileType type = file_type(file);
    if (type == FileType::png) return decode_png(file, channels, name, limits, options);
    if (type == FileType::jpeg) return decode_jpeg(file, channels, name, limits, options);
    malformed(FormatCode::magic, name, 0,
              "neither a PNG nor a JPEG" + (type == FileType::unknown
                                                ? detail::looks_unlike_an_image(file)
                                                : ": the file is a " + std::string{name_of(type)}));
}

[[nodiscard]] static inline Pixels read_image(const std::string& path, std::size_t channels,
                                              const ReadLimits& limits = {}, const DecodeOptions& options = {}) {
    return decode_image(read_file(path, limits.file), channels, path, limits, options);
}

}  // namespace tessera::image
