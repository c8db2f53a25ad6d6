#pragma once
// SHA-256 (FIPS 180-4), for results that are compared between processes: sha256(bytes) is the usual hexadecimal text.

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace support {

namespace detail {
/// The first 32 bits of the fractional part of the n-th root of the first primes: section 4.2.2.
template <std::size_t Count, class Root>
std::array<std::uint32_t, Count> fractions_of_prime_roots(Root root) {
    std::array<std::uint32_t, Count> out{};
    std::size_t found = 0;
    for (unsigned n = 2; found < Count; ++n) {
        bool prime = true;
        for (unsigned d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
        if (!prime) continue;
        const long double r = root(static_cast<long double>(n));
        out[found++] = static_cast<std::uint32_t>((r - std::floor(r)) * 4294967296.0L);
    }
    return out;
}
}  // namespace detail

inline std::string sha256(std::span<const unsigned char> text) {
    const auto k = detail::fractions_of_prime_roots<64>([](long double x) { return std::cbrt(x); });
    auto h = detail::fractions_of_prime_roots<8>([](long double x) { return std::sqrt(x); });

    std::vector<unsigned char> bytes(text.begin(), text.end());
    bytes.push_back(0x80);
    while (bytes.size() % 64 != 56) bytes.push_back(0);
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<unsigned char>(std::uint64_t{text.size()} * 8 >> shift));

    for (std::size_t block = 0; block < bytes.size(); block += 64) {
        std::array<std::uint32_t, 64> w{};
        for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | bytes[block + i];
        for (std::size_t i = 16; i < 64; ++i)
            w[i] = w[i - 16] + w[i - 7] + (std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3) +
                   (std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10);
        auto s = h;
        for (std::size_t i = 0; i < 64; ++i) {
            const std::uint32_t one = s[7] + (std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25)) +
                                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
            const std::uint32_t two = (std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22)) +
                                      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            s = {one + two, s[0], s[1], s[2], s[3] + one, s[4], s[5], s[6]};
        }
        for (std::size_t i = 0; i < 8; ++i) h[i] += s[i];
    }
    std::string out;
    for (const std::uint32_t word : h)
        for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[word >> shift & 15];
    return out;
}

}  // namespace support
