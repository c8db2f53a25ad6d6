#pragma once
// looks_like: what a file that is not of the expected type looks like, for the end of a message.
//
//     "IDX: the first two bytes must be zero" + looks_like(start)      ...; it looks like a gzip file
//
// `start` has the first bytes of the file, or all. Empty: like nothing that is known.

#include <tessera/files/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// "; it looks like " and `what`, or nothing.
[[nodiscard]] inline std::string looks_like(std::string_view what) {
    return what.empty() ? std::string{} : "; it looks like " + std::string{what};
}

/// What a text of HTML or XML is, after a byte order mark and blank lines; of a start that ends in the first word, too.
[[nodiscard]] inline std::string_view looks_like_markup(ByteView start) {
    std::size_t at = bytes_are(start, 0, "\xEF\xBB\xBF") ? 3 : 0;
    while (at < start.size() && (start[at] == ' ' || (start[at] >= '\t' && start[at] <= '\r'))) ++at;
    const ByteView text = start.subspan(at);
    const auto begins = [&](std::string_view word) {  // word: in lower case
        const std::size_t known = (std::min)(text.size(), word.size());
        for (std::size_t i = 0; i < known; ++i) {
            const unsigned char c = text[i];
            if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i]) return false;
        }
        return known >= 4;
    };
    if (begins("<!doctype html") || begins("<html")) return "a web page: the download failed";
    if (begins("<svg")) return "an SVG";
    if (begins("<?xml")) return "XML, such as a server's error message";
    return {};
}

/// A reader first looks for what is more often given to it, such as a zip archive of torch.save.
[[nodiscard]] inline std::string looks_like(ByteView start) {
    using namespace std::string_view_literals;
    const auto starts = [&](std::string_view text) { return bytes_are(start, 0, text); };
    if (const std::string_view markup = looks_like_markup(start); !markup.empty()) return looks_like(markup);
    const bool all_is_known = start.size() > 8;
    if (starts(all_is_known ? "version https://git-lfs"sv : "version "sv))
        return looks_like("a pointer of Git LFS: run git lfs pull"sv);
    if (starts("PK\x03\x04"sv)) return looks_like("a zip archive: unpack it first"sv);
    if (starts("\x1F\x8B"sv)) return looks_like("a gzip file"sv);
    if (starts("\xFD\x37zXZ\0"sv)) return looks_like("an xz file: unpack it first"sv);
    if (starts("BZh"sv)) return looks_like("a bzip2 file: unpack it first"sv);
    if (starts("\x28\xB5\x2F\xFD"sv)) return looks_like("a Zstandard file: unpack it first"sv);
    if (starts("7z\xBC\xAF\x27\x1C"sv)) return looks_like("a 7z archive: unpack it first"sv);
    if (starts("\x93NUMPY"sv)) return looks_like("a NumPy array (.npy)"sv);
    if (starts("\x89HDF"sv)) return looks_like("an HDF5 file"sv);
    if (starts("GGUF"sv)) return looks_like("a GGUF file"sv);
    if (starts("\x89PNG"sv) || starts("\xFF\xD8\xFF"sv)) return looks_like("an image"sv);
    return {};
}

}  // namespace tessera
