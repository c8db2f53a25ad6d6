#pragma once
// PNG files for the tests, built by hand: any colour type and depth, interlaced or not, valid or not.

#include <tessera/files/crc32.hpp>

#include <image/deflate_samples.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace samples {

struct PngSpec {
    std::uint32_t width = 5, height = 3, depth = 8, color = 0;
    bool interlaced = false;

    std::uint32_t samples() const { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }
    /// Sample c of the pixel (x, y), different for every pixel and sample.
    std::uint32_t value(std::uint32_t x, std::uint32_t y, std::uint32_t c) const {
        return (x * 7919 + y * 104729 + c * 1299709 + 12345) * 2654435761u >> (32 - depth);
    }
};

inline Bytes chunk(std::string_view type, ByteView body) {
    Bytes out;
    append_be32(out, static_cast<std::uint32_t>(body.size()));
    Bytes inner(type.begin(), type.end());
    append(inner, body);
    append(out, inner);
    append_be32(out, tessera::crc32(inner));
    return out;
}

inline Bytes ihdr(const PngSpec& s) {
    Bytes body;
    append_be32(body, s.width);
    append_be32(body, s.height);
    append(body, Bytes{static_cast<unsigned char>(s.depth), static_cast<unsigned char>(s.color), 0, 0, s.interlaced});
    return chunk("IHDR", body);
}

/// The rows before compression, each after its filter byte 0.
inline Bytes rows(const PngSpec& s) {
    Bytes out;
    const auto pass = [&](std::uint32_t x0, std::uint32_t y0, std::uint32_t dx, std::uint32_t dy) {
        if (x0 >= s.width) return;
        for (std::uint32_t y = y0; y < s.height; y += dy) {
            out.push_back(0);
            std::uint32_t bits = 0, count = 0;
            for (std::uint32_t x = x0; x < s.width; x += dx)
                for (std::uint32_t c = 0; c < s.samples(); ++c) {
                    bits = bits << s.depth | s.value(x, y, c);
                    for (count += s.depth; count >= 8; count -= 8)
                        out.push_back(static_cast<unsigned char>(bits >> (count - 8)));
                }
            if (count > 0) out.push_back(static_cast<unsigned char>(bits << (8 - count)));
        }
    };
    if (!s.interlaced) {
        pass(0, 0, 1, 1);
        return out;
    }
    pass(0, 0, 8, 8);
    pass(4, 0, 8, 8);
    pass(0, 4, 4, 8);
    pass(2, 0, 4, 4);
    pass(0, 2, 2, 4);
    pass(1, 0, 2, 2);
    pass(0, 1, 1, 2);
    return out;
}

inline std::uint32_t adler32(ByteView bytes) {
    std::uint32_t a = 1, b = 0;
    for (const unsigned char x : bytes) {
        a = (a + x) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/// A zlib stream of stored blocks.
inline Bytes zlib(ByteView raw) {
    Bytes out{0x78, 0x01};
    append(out, stored(raw));
    append_be32(out, adler32(raw));
    return out;
}

inline Bytes palette() {
    Bytes colors;
    for (unsigned i = 0; i < 256; ++i)
        append(colors, Bytes{static_cast<unsigned char>(i), static_cast<unsigned char>(255 - i),
                             static_cast<unsigned char>(i * 3)});
    return colors;
}

inline Bytes signature() { return {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'}; }
template <class... C>
Bytes png_of(const C&... chunks) {
    Bytes out = signature();
    (append(out, chunks), ...);
    return out;
}
inline Bytes iend() { return chunk("IEND", {}); }

inline Bytes png(const PngSpec& s) {
    const Bytes colors = palette();
    const std::size_t used = std::size_t{3} << (s.depth < 8 ? s.depth : 8);
    return png_of(ihdr(s), s.color == 3 ? chunk("PLTE", ByteView{colors}.first(used)) : Bytes{},
                  chunk("IDAT", zlib(rows(s))), iend());
}

}  // namespace samples
