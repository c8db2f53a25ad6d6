#pragma once
// From the decoded planes of a JPEG to pixels, with the arithmetic of libjpeg: planes of half the width or height are
// interpolated linearly ("fancy upsampling", weights 3 and 1), others are repeated; the colour matrix is in 16 bits.
// stb_image 2.27 and 2.30 interpolate the last columns of planes of half the width with the weights exchanged: bytes
// differ by up to 112 there.

#include <tessera/files/bytes.hpp>
#include <tessera/image/detail/gray_of.hpp>
#include <tessera/image/detail/jpeg_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::image::detail {

struct JpegPlane {
    const unsigned char* data = nullptr;
    std::size_t stride = 0, width = 0, height = 0;  // width and height without the padding of blocks
    std::size_t across = 1, down = 1;               // of the image, for one sample of the plane

    /// Row `y`, or the first or last one for rows outside.
    const unsigned char* row(std::size_t y) const { return data + (std::min)(y, height - 1) * stride; }

    /// Row `y` of the image, in `out` of width x across bytes.
    void upsample(std::size_t y, unsigned char* out) const {
        const std::size_t at = y / down;
        const unsigned char* in = row(at);
        // the nearest other row: above the first half of a sample, below the second
        const unsigned char* other = y % 2 == 1 ? row(at + 1) : row(at == 0 ? 0 : at - 1);
        if (across == 1 && down == 2)
            for (std::size_t x = 0; x < width; ++x) out[x] = byte((3u * in[x] + other[x] + (y % 2 == 0 ? 1 : 2)) >> 2);
        else if (across == 2 && down == 1 && width > 2)
            half_width(in, out);
        else if (across == 2 && down == 2 && width > 2)
            half_size(in, other, out);
        else
            for (std::size_t x = 0; x < width; ++x) std::fill_n(out + x * across, across, in[x]);
    }

private:
    static unsigned char byte(unsigned v) { return static_cast<unsigned char>(v); }

    void half_width(const unsigned char* in, unsigned char* out) const {
        for (std::size_t x = 1; x < width; ++x) {
            out[2 * x - 1] = byte((3u * in[x - 1] + in[x] + 2) >> 2);
            out[2 * x] = byte((3u * in[x] + in[x - 1] + 1) >> 2);
        }
        out[0] = in[0];
        out[2 * width - 1] = in[width - 1];
    }

    void half_size(const unsigned char* in, const unsigned char* other, unsigned char* out) const {
        const auto sum = [&](std::size_t x) { return 3u * in[x] + other[x]; };
        for (std::size_t x = 1; x < width; ++x) {
            out[2 * x - 1] = byte((3 * sum(x - 1) + sum(x) + 7) >> 4);
            out[2 * x] = byte((3 * sum(x) + sum(x - 1) + 8) >> 4);
        }
        out[0] = byte((4 * sum(0) + 8) >> 4);
        out[2 * width - 1] = byte((4 * sum(width - 1) + 7) >> 4);
    }
};

/// YCbCr (JFIF) to RGB.
inline std::array<unsigned char, 3> rgb_of(int y, int cb, int cr) {
    const auto clamp = [](int v) { return static_cast<unsigned char>(v < 0 ? 0 : v > 255 ? 255 : v); };
    cb -= 128;
    cr -= 128;
    return {clamp(y + ((91881 * cr + 32768) >> 16)), clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16)),
            clamp(y + ((116130 * cb + 32768) >> 16))};
}

/// What is left of a colour over `black`, both inverted as Adobe stores them: their product / 255, as PIL rounds it.
inline unsigned char over_black(unsigned color, unsigned black) {
    const unsigned ink = (255 - color) * black + 128;
    return static_cast<unsigned char>(black - ((ink + (ink >> 8)) >> 8));
}

/// One row of pixels from one row of each plane.
inline void convert_row(JpegColors colors, const std::array<const unsigned char*, 4>& in, std::size_t width,
                        std::size_t channels, unsigned char* out) {
    if (channels == 1 && (colors == JpegColors::gray || colors == JpegColors::ycbcr)) {
        std::copy_n(in[0], width, out);
        return;
    }
    for (std::size_t x = 0; x < width; ++x, out += channels) {
        std::array<unsigned char, 3> rgb{in[0][x], in[0][x], in[0][x]};
        if (colors == JpegColors::ycbcr || colors == JpegColors::ycck)
            rgb = rgb_of(in[0][x], in[1][x], in[2][x]);
        else if (colors != JpegColors::gray)
            rgb = {in[0][x], in[1][x], in[2][x]};
        if (colors == JpegColors::ycck)
            for (unsigned char& c : rgb) c = static_cast<unsigned char>(255 - c);
        if (colors == JpegColors::ycck || colors == JpegColors::cmyk)
            for (unsigned char& c : rgb) c = over_black(c, in[3][x]);
        if (channels == 1)
            out[0] = gray_of(rgb[0], rgb[1], rgb[2]);
        else
            std::copy_n(rgb.data(), 3, out);
    }
}

}  // namespace tessera::image::detail
