#pragma once
// looks_like: what a file that is not of the expected type looks like, for the end of a message.
//
//     "IDX: the first two bytes must be zero" + looks_like(start)      ...; it looks like a gzip file
//
// `start` has the first bytes of the file, or all. Empty: like nothing that is known.

#include <tessera/files/bytes.hpp>

#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// "; it looks like " and `what`, or nothing.
[[nodiscard]] inline std::string looks_like(std::string_view what) {
    return what.empty() ? std::string{} : "; it looks like " + std::string{what};
}

/// A reader first looks for what is more often given to it, such as a zip archive of torch.save.
[[nodiscard]] inline std::string looks_like(ByteView start) {
    using namespace std::string_view_literals;
    const auto starts = [&](std::string_view text) { return bytes_are(start, 0, text); };
    if (starts("<"sv) || starts("\xEF\xBB\xBF<"sv)) return looks_like("a web page: the download failed"sv);
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
