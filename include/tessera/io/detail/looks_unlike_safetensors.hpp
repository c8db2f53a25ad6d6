#pragma once
// looks_unlike_safetensors: what a file of another kind looks like, for the end of a message.

#include <tessera/files/bytes.hpp>
#include <tessera/files/looks_like.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::io::detail {

/// Printable ASCII and line breaks only.
inline bool is_text(ByteView bytes) {
    for (const unsigned char c : bytes) {
        const bool is_break = c == '\n' || c == '\r' || c == '\t';
        if (!is_break && (c < 32 || c > 126)) return false;
    }
    return !bytes.empty();
}

/// The beginning of the first line, which often says why a download failed: "Entry not found".
inline std::string first_line(ByteView text) {
    constexpr std::size_t most = 60;
    std::string line;
    for (const unsigned char c : text) {
        if (c < 32) break;
        if (line.size() == most) return line + "...";
        line += static_cast<char>(c);
    }
    return line;
}

/// `start` has the first 512 bytes of the file, or all. Read as the length of a header, eight bytes of text are more
/// than 2^32. A tar archive whose first file has a name of at most four letters passes for a short header.
inline std::string looks_unlike_safetensors(ByteView start) {
    using namespace std::string_view_literals;
    const auto starts = [&](std::string_view text) { return bytes_are(start, 0, text); };
    if (starts("PK\x03\x04"))
        return looks_like("a zip archive, as torch.save writes: save with the safetensors package"sv);
    if (bytes_are(start, 257, "ustar")) return looks_like("a tar archive: unpack it first"sv);
    if (start.size() > 8 && std::all_of(start.begin(), start.end(), [](unsigned char c) { return c == 0; }))
        return looks_like("zeros: a download or a copy that did not finish"sv);
    if (start.size() >= 8 && little_endian_64(start, 0) >> 32 == 0) return {};
    if (start.size() >= 8 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5)
        return looks_like("a pickle: save with the safetensors package"sv);
    const auto first = std::find_if(start.begin(), start.end(), [](unsigned char c) { return c > ' '; });
    if (first != start.end() && (*first == '{' || *first == '['))
        return looks_like("JSON, such as an index: expected one of the files that it names"sv);
    if (const std::string known = looks_like(start); !known.empty()) return known;
    return is_text(start) ? looks_like("text: \"" + first_line(start) + '"') : std::string{};
}

}  // namespace tessera::io::detail
