#pragma once
// CodecHeader: the first 52 bytes of a file of the codec, and the checks of everything that does not need the model.
//
//      0  8 bytes   "TSCODEC" and 0x1A                  28  uint32   classes of the labels; 0: no labels
//      8  uint32    version, 1                          32  uint32   tokens of a sequence
//     12  uint64    hash of the models (model_hash)     36  uint32   size of the vocabulary
//     20  uint64    sequences                           40  uint64   bytes that follow the header
//                                                       48  uint32   CRC-32 of bytes 0 to 47 and of those that follow
//
// Integers are little-endian. The rest of the file is described in codec/token_codec.hpp.
//
// Errors   FormatError: magic, version, truncated, size (bytes past the end), checksum
// Cost     one pass over the file for its checksum

#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/crc32.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::codec {

struct CodecHeader {
    std::uint64_t model = 0, sequences = 0;
    std::uint32_t classes = 0, context = 0, vocab = 0;

    friend bool operator==(const CodecHeader&, const CodecHeader&) = default;
};

inline constexpr std::size_t codec_header_size = 52;
inline constexpr std::array<unsigned char, 8> codec_magic{'T', 'S', 'C', 'O', 'D', 'E', 'C', 0x1A};
inline constexpr std::uint32_t codec_version = 1;

/// The file: the header, then the payload.
[[nodiscard]] inline Bytes with_codec_header(const CodecHeader& header, ByteView payload) {
    Bytes file(codec_magic.begin(), codec_magic.end());
    file.reserve(codec_header_size + payload.size());
    const auto add = [&](std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) file.push_back(static_cast<unsigned char>(value >> 8 * i));
    };
    add(codec_version, 4);
    add(header.model, 8);
    add(header.sequences, 8);
    add(header.classes, 4);
    add(header.context, 4);
    add(header.vocab, 4);
    add(payload.size(), 8);
    add(crc32(payload, crc32(file)), 4);
    file.insert(file.end(), payload.begin(), payload.end());
    return file;
}

/// `name` is for messages. The payload is what follows the header.
[[nodiscard]] inline CodecHeader read_codec_header(ByteView file, std::string_view name) {
    const std::size_t start = (std::min)(file.size(), codec_magic.size());
    if (!std::equal(codec_magic.begin(), codec_magic.begin() + static_cast<std::ptrdiff_t>(start), file.begin()))
        malformed(FormatCode::magic, name, 0, "expected a file of the codec: it does not begin with TSCODEC");
    if (file.size() >= 12 && little_endian_32(file, 8) != codec_version)
        malformed(FormatCode::version, name, 8, "version: " + expected_got(codec_version, little_endian_32(file, 8)));
    if (file.size() < codec_header_size)
        malformed(FormatCode::truncated, name, file.size(), "header: " + expected_got(codec_header_size, file.size()));
    const std::uint64_t follow = little_endian_64(file, 40), present = file.size() - codec_header_size;
    if (follow != present)
        malformed(follow > present ? FormatCode::truncated : FormatCode::size, name, codec_header_size,
                  "bytes after the header: " + expected_got(std::to_string(follow), std::to_string(present)));
    if (crc32(file.subspan(codec_header_size), crc32(file.first(48))) != little_endian_32(file, 48))
        malformed(FormatCode::checksum, name, 48, "checksum: expected that of the bytes: the file is damaged");
    return {.model = little_endian_64(file, 12),
            .sequences = little_endian_64(file, 20),
            .classes = little_endian_32(file, 28),
            .context = little_endian_32(file, 32),
            .vocab = little_endian_32(file, 36)};
}

}  // namespace tessera::codec
