#pragma once
// utf8: validation and encoding of UTF-8, as defined by Unicode 15 (table 3-7) and RFC 3629.
//
// No overlong forms, no surrogates and no code points above 10FFFF.

#include <tessera/files/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::io {

/// Index of the first byte that is not part of valid UTF-8; text.size() if there is none.
constexpr std::size_t first_invalid_utf8(ByteView text) {
    for (std::size_t i = 0; i < text.size();) {
        const unsigned lead = text[i];
        if (lead < 0x80) {
            ++i;
            continue;
        }
        if (lead < 0xC2 || lead > 0xF4) return i;
        const std::size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (text.size() - i <= more) return i;
        const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;  // below: overlong forms
        const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (text[i + 1] < low || text[i + 1] > high) return i;
        for (std::size_t k = 2; k <= more; ++k)
            if (text[i + k] < 0x80 || text[i + k] > 0xBF) return i;
        i += more + 1;
    }
    return text.size();
}

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

inline void append_utf8(std::string& text, std::uint32_t c) {
    const auto byte = [&](std::uint32_t b) { text += static_cast<char>(static_cast<unsigned char>(b)); };
    if (c < 0x80) return byte(c);
    if (c < 0x800) {
        byte(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            byte(0xE0 | c >> 12);
        } else {
            byte(0xF0 | c >> 18);
            byte(0x80 | (c >> 12 & 0x3F));
        }
        byte(0x80 | (c >> 6 & 0x3F));
    }
    byte(0x80 | (c & 0x3F));
}

/// A name from a file, made safe for a message: control characters become \xNN, and it is cut after 100 bytes.
inline std::string printable(std::string_view name) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : name) {
        const auto b = static_cast<unsigned char>(c);
        if (text.size() >= 100 && (b & 0xC0) != 0x80) return text + "...";
        if (b < 0x20 || b == 0x7F)
            ((text += "\\x") += digits[b >> 4]) += digits[b & 15];
        else
            text += c;
    }
    return text;
}

}  // namespace tessera::io
