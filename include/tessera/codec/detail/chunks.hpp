#pragma once
// The chunks of a payload: each has its length as LEB128 in the fewest bytes (7 bits a byte, the lowest first; all but
// the last byte have bit 7), then its bytes.

#include <tessera/codec/codec_header.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::codec::detail {

struct Chunk {
    std::size_t begin, size;  // in the file
};

inline std::size_t chunk_count(std::size_t sequences, std::size_t per_chunk) {
    return sequences / per_chunk + (sequences % per_chunk != 0);
}

inline void add_chunk(ByteView bytes, Bytes& payload) {
    std::size_t left = bytes.size();
    for (; left > 0x7F; left >>= 7) payload.push_back(static_cast<unsigned char>((left & 0x7F) | 0x80));
    payload.push_back(static_cast<unsigned char>(left));
    payload.insert(payload.end(), bytes.begin(), bytes.end());
}

// At most five bytes.
inline std::uint64_t read_length(ByteView file, std::size_t& at, std::string_view name) {
    const std::size_t start = at;
    std::uint64_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (at == file.size()) malformed(FormatCode::truncated, name, at, "chunk: expected its length");
        const unsigned char byte = file[at++];
        size |= std::uint64_t{byte & 0x7Fu} << shift;
        if (byte < 0x80 && (byte != 0 || shift == 0)) return size;
        if (byte == 0 || shift == 28)
            malformed(FormatCode::number, name, start, "length of a chunk: expected the shortest LEB128");
    }
}

// Where the chunks are. A chunk has at least two bytes, so the sequences of a small file are few.
inline std::vector<Chunk> find_chunks(ByteView file, std::uint64_t sequences, std::size_t per_chunk,
                                      std::string_view name) {
    const std::uint64_t most = (file.size() - codec_header_size) / 2 * per_chunk;
    if (sequences > most)
        malformed(FormatCode::limit, name, 20,
                  "sequences: " + expected_got("at most " + std::to_string(most) + " in a file of " +
                                                   std::to_string(file.size()) + " bytes",
                                               std::to_string(sequences)));
    std::vector<Chunk> chunks;
    std::size_t at = codec_header_size;
    for (std::size_t left = chunk_count(to_size(sequences), per_chunk); left > 0; --left) {
        const std::uint64_t size = read_length(file, at, name);
        if (size > file.size() - at)
            malformed(FormatCode::truncated, name, at,
                      "chunk: " + expected_got(std::to_string(size) + " bytes", std::to_string(file.size() - at)));
        chunks.push_back({at, to_size(size)});
        at += to_size(size);
    }
    if (at != file.size())
        malformed(FormatCode::size, name, at,
                  "after the last chunk: " + expected_got("no bytes", std::to_string(file.size() - at)));
    return chunks;
}

}  // namespace tessera::codec::detail
