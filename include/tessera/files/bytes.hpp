#pragma once
// Bytes: the content of a file, and what every reader of a file format needs.
//
//     big_endian_32, little_endian_32, little_endian_64    integers at an offset, in either byte order
//     checked_product                                      a product of sizes that cannot overflow
//     bytes_are                                            whether the bytes at an offset are those of a text
//     malformed                                            the exception for a malformed file
//
// Errors   malformed throws FormatError; its message is  name @offset: what

#include <tessera/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

using Bytes = std::vector<unsigned char>;
using ByteView = std::span<const unsigned char>;

constexpr std::uint32_t big_endian_32(ByteView b, std::size_t at) {
    return std::uint32_t{b[at]} << 24 | std::uint32_t{b[at + 1]} << 16 | std::uint32_t{b[at + 2]} << 8 | b[at + 3];
}
constexpr std::uint32_t little_endian_32(ByteView b, std::size_t at) {
    return std::uint32_t{b[at + 3]} << 24 | std::uint32_t{b[at + 2]} << 16 | std::uint32_t{b[at + 1]} << 8 | b[at];
}
constexpr std::uint64_t little_endian_64(ByteView b, std::size_t at) {
    return std::uint64_t{little_endian_32(b, at + 4)} << 32 | little_endian_32(b, at);
}

/// a * b, or nothing if the product overflows.
constexpr std::optional<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b) {
    if (a != 0 && b > ~std::uint64_t{0} / a) return std::nullopt;
    return a * b;
}

/// Whether the bytes at `at` are those of `text`.
constexpr bool bytes_are(ByteView bytes, std::size_t at, std::string_view text) {
    if (bytes.size() < at + text.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (bytes[at + i] != static_cast<unsigned char>(text[i])) return false;
    return true;
}

/// Throws FormatError: "model.safetensors @17: ...".
[[gnu::__noreturn__]] inline void malformed(FormatCode code, std::string_view name, std::uint64_t offset,
                                            std::string_view what) {
    std::string message{name};
    message += " @" + std::to_string(offset) + ": ";
    throw FormatError(code, message.append(what), std::string{name}, offset);
}

}  // namespace tessera
