#pragma once
// crc32: CRC-32 (ISO 3309, ITU-T V.42; reflected polynomial 0xEDB88320), the checksum of gzip and PNG.
//
//     table[k][b] = contribution of the byte b when k more bytes follow it; eight bytes are processed at a time
//
// Cost     eight table lookups for eight bytes; a constant table of 8 KiB

#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

namespace detail {
struct Crc32Tables {
    std::uint32_t table[8][256];  // not std::array: constant evaluation would call its operator[] 10,000 times
};
constexpr Crc32Tables make_crc32_tables() {
    Crc32Tables made{};
    auto& table = made.table;
    // The remainder is linear, so those of the eight single bits give all others (a quarter of the compile-time work).
    std::uint32_t c = 1;
    for (std::size_t bit = 128; bit > 0; bit /= 2) {
        c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0u);
        for (std::size_t b = 0; b < 256; b += 2 * bit) table[0][b + bit] = table[0][b] ^ c;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t b = 0; b < 256; ++b) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xFF];
    return made;
}
inline constexpr auto crc32_tables = make_crc32_tables();
}  // namespace detail

/// Checksum of the bytes; `previous` is the checksum of the bytes before them.
[[nodiscard]] constexpr std::uint32_t crc32(ByteView bytes, std::uint32_t previous = 0) {
    const auto& table = detail::crc32_tables.table;
    std::uint32_t c = ~previous;
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
        const std::uint32_t a = c ^ little_endian_32(bytes, i), b = little_endian_32(bytes, i + 4);
        c = table[7][a & 0xFF] ^ table[6][a >> 8 & 0xFF] ^ table[5][a >> 16 & 0xFF] ^ table[4][a >> 24] ^
            table[3][b & 0xFF] ^ table[2][b >> 8 & 0xFF] ^ table[1][b >> 16 & 0xFF] ^ table[0][b >> 24];
    }
    for (; i < bytes.size(); ++i) c = c >> 8 ^ table[0][(c ^ bytes[i]) & 0xFF];
    return ~c;
}

}  // namespace tessera
