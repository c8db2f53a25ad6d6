#pragma once
// Compressed data for the tests: stored blocks built here, and one stream with dynamic codes from zlib.

#include <tessera/files/bytes.hpp>
#include <tessera/files/crc32.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace samples {

using tessera::Bytes;
using tessera::ByteView;

inline Bytes from_hex(std::string_view hex) {
    Bytes bytes;
    const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<unsigned char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    return bytes;
}
inline void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
inline void append_le32(Bytes& to, std::uint32_t x) {
    for (int i = 0; i < 4; ++i) to.push_back(static_cast<unsigned char>(x >> 8 * i));
}
inline void append_be32(Bytes& to, std::uint32_t x) {
    for (int i = 3; i >= 0; --i) to.push_back(static_cast<unsigned char>(x >> 8 * i));
}

/// Stored blocks of at most `block` bytes.
inline Bytes stored(ByteView data, std::size_t block = 65535) {
    Bytes out;
    for (std::size_t at = 0; at < data.size() || at == 0; at += block) {
        const std::size_t length = std::min(block, data.size() - at);
        out.push_back(at + length == data.size());
        for (const std::size_t x : {length, ~length}) {
            out.push_back(static_cast<unsigned char>(x & 0xFF));
            out.push_back(static_cast<unsigned char>(x >> 8 & 0xFF));
        }
        append(out, data.subspan(at, length));
        if (length == 0) break;
    }
    return out;
}

/// 600 bytes, (i i / 7) mod 23, and their compression by zlib 1.2.13 at level 9.
inline Bytes squares() {
    Bytes bytes(600);
    for (std::size_t i = 0; i < 600; ++i) bytes[i] = static_cast<unsigned char>(i * i / 7 % 23);
    return bytes;
}
inline Bytes deflated_squares() {
    return from_hex("edce810d032108405144a80ae22987ee3f6aaf499768d23fc0cb078084994bd3b122713307d6052f0beac176eaa291f4"
                    "c896a3607996ddb30bba528c8a7109a79826851076dcbe9efc8e0d48456c3ea25c817504a9a378eebbcc6cf005d3a055"
                    "8f71740a7bc15206b7f6886b682b9c31c1a7ffe0ef0dbe01");
}

/// A gzip member with a deflate stream; `flags` selects extra (4), name (8), comment (16) and header checksum (2).
inline Bytes gzip(ByteView stream, ByteView data, unsigned flags = 0) {
    Bytes out{0x1F, 0x8B, 8, static_cast<unsigned char>(flags), 1, 2, 3, 4, 0, 3};
    if (flags & 4) append(out, Bytes{3, 0, 'a', 0, 'b'});
    if (flags & 8) append(out, Bytes{'n', 'a', 'm', 'e', 0});
    if (flags & 16) append(out, Bytes{'c', 0});
    if (flags & 2) {
        const std::uint32_t crc = tessera::crc32(out);
        out.push_back(static_cast<unsigned char>(crc));
        out.push_back(static_cast<unsigned char>(crc >> 8));
    }
    append(out, stream);
    append_le32(out, tessera::crc32(data));
    append_le32(out, static_cast<std::uint32_t>(data.size()));
    return out;
}
/// A gzip file with the content in stored blocks and a name in its header.
inline Bytes gzip_stored(ByteView content) { return gzip(stored(content), content, 8); }

}  // namespace samples
