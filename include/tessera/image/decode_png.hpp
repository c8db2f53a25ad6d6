#pragma once
// decode_png: decodes a PNG in memory to 8-bit pixels, gray or RGB.
//
//     filters 1 to 4 add the byte to the left (a), above (b), (a + b) / 2, or the Paeth predictor of a, b and c
//     1, 2 and 4 bits: v 255 / (2^bits - 1); 16 bits: DecodeOptions::significant_bits
//     gray = (19595 R + 38470 G + 7471 B + 2^15) / 2^16, about 0.299 R + 0.587 G + 0.114 B, as PIL
//
// Transparency, in alpha samples or in tRNS, and the orientation in eXIf are DecodeOptions. An index beyond the palette
// is black. Gamma and colour profiles are not applied.
//
// Errors   FormatError where the file is malformed or exceeds the limits; ArgumentError where channels is not 1 or 3,
//          or an option is invalid; std::bad_alloc
// Cost     decompresses once; allocates the filtered rows and the pixels

#include <tessera/core/error.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/check_png.hpp>
#include <tessera/image/decode_options.hpp>
#include <tessera/image/detail/gray_of.hpp>
#include <tessera/image/exif_orientation.hpp>
#include <tessera/image/orient.hpp>
#include <tessera/image/pixels.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI::image {

namespace detail {

/// Of the bytes to the left, above, and above to the left: the one nearest to a + b - c.
inline unsigned paeth(int a, int b, int c) {
    const int pa = std::abs(b - c), pb = std::abs(a - c), pc = std::abs(a + b - 2 * c);
    return static_cast<unsigned>(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

/// Undoes the filter of one row in place; `above` is the row before it, or zeros.
inline void unfilter(unsigned filter, unsigned char* row, const unsigned char* above, std::size_t size,
                     std::size_t pixel) {
    const auto add = [&](std::size_t i, unsigned x) { row[i] = static_cast<unsigned char>(row[i] + x); };
    const std::size_t start = (std::min)(pixel, size);  // the first pixel has nothing to its left
    if (filter == 1) {
        for (std::size_t i = start; i < size; ++i) add(i, row[i - pixel]);
    } else if (filter == 2) {
        for (std::size_t i = 0; i < size; ++i) add(i, above[i]);
    } else if (filter == 3) {
        for (std::size_t i = 0; i < start; ++i) add(i, above[i] / 2u);
        for (std::size_t i = start; i < size; ++i) add(i, (row[i - pixel] + above[i]) / 2u);
    } else if (filter == 4) {
        for (std::size_t i = 0; i < start; ++i) add(i, above[i]);
        for (std::size_t i = start; i < size; ++i) add(i, paeth(row[i - pixel], above[i], above[i - pixel]));
    }
}

/// Undoes the filters of all rows in place; the filter bytes stay where they are.
inline void unfilter_rows(PngFile& png, std::string_view name) {
    const std::size_t pixel = (std::max)(std::size_t{1}, std::size_t{png.info.samples()} * png.info.depth / 8);
    unsigned char* at = png.rows.data();
    for_each_pass(png.info, [&](const PngPass& pass) {
        const std::size_t size = pass.row(png.info);
        const Bytes zeros(size);
        const unsigned char* above = zeros.data();
        for (std::size_t y = 0; y < pass.height; ++y, at += size + 1) {
            if (at[0] > 4)
                malformed(FormatCode::png, name, png.data_at,
                          "PNG: filter of row " + std::to_string(pass.y0 + y * pass.dy) + ": " +
                              expected_got("0 to 4", std::to_string(at[0])));
            unfilter(at[0], at + 1, above, size, pixel);
            above = at + 1;
        }
    });
}

/// Turns samples into pixels of the result.
class PngColors {
public:
    PngColors(const PngFile& png, std::size_t channels, const DecodeOptions& options)
        : info_{png.info}, channels_{channels}, bits_{options.significant_bits}, background_{options.background} {
        const auto entry = [&](ByteView chunk, std::size_t i, unsigned missing) {
            return i < chunk.size() ? chunk[i] : missing;
        };
        const ByteView trns = png.transparency;
        if (info_.color == 3) {
            for (unsigned i = 0; i < 256; ++i)
                store(palette_[i].data(), entry(png.palette, 3 * i, 0), entry(png.palette, 3 * i + 1, 0),
                      entry(png.palette, 3 * i + 2, 0), entry(trns, i, 255));
        } else if (info_.color == 0 || info_.color == 2) {
            keyed_ = trns.size() == 2 * std::size_t{info_.samples()};
            for (std::size_t c = 0; keyed_ && c < info_.samples(); ++c)
                key_[c] = (trns[2 * c] * 256u + trns[2 * c + 1]) & ((1u << info_.depth) - 1);
        }
        if (info_.depth == 16 && bits_ == 0) find_largest(png);
    }

    /// One pixel, from the unfiltered row that has it.
    void pixel(const unsigned char* row, std::size_t x, unsigned char* to) const {
        const std::size_t samples = info_.samples();
        std::array<unsigned, 4> raw{};
        for (std::size_t c = 0; c < samples; ++c) raw[c] = sample(row, x * samples + c);
        if (info_.color == 3) {
            std::copy_n(palette_[raw[0]].data(), channels_, to);
            return;
        }
        unsigned alpha = 255;
        if (info_.color >= 4) alpha = raw[samples - 1] >> (info_.depth - 8);
        if (keyed_ && raw[0] == key_[0] && (samples == 1 || (raw[1] == key_[1] && raw[2] == key_[2]))) alpha = 0;
        const unsigned first = eight_bits(raw[0]);
        if (samples < 3)
            store(to, first, first, first, alpha);
        else
            store(to, first, eight_bits(raw[1]), eight_bits(raw[2]), alpha);
    }

private:
    unsigned sample(const unsigned char* row, std::size_t i) const {
        if (info_.depth == 8) return row[i];
        if (info_.depth == 16) return row[2 * i] * 256u + row[2 * i + 1];
        const std::size_t bit = i * info_.depth;
        return row[bit / 8] >> (8 - info_.depth - bit % 8) & ((1u << info_.depth) - 1);
    }

    unsigned eight_bits(unsigned v) const {
        if (info_.depth < 8) return v * (255 / ((1u << info_.depth) - 1));
        if (info_.depth == 8) return v;
        if (bits_ == 0) return largest_ == 0 ? 0 : (v * 255 + largest_ / 2) / largest_;
        return (std::min)(255u, v >> (bits_ - 8));
    }

    void store(unsigned char* to, unsigned r, unsigned g, unsigned b, unsigned alpha) const {
        if (alpha < 255 && background_) {
            const auto over = [&](unsigned color, unsigned behind) {
                return (alpha * color + (255 - alpha) * behind + 127) / 255;
            };
            r = over(r, background_->red);
            g = over(g, background_->green);
            b = over(b, background_->blue);
        }
        if (channels_ == 1) {
            to[0] = gray_of(r, g, b);
            return;
        }
        to[0] = static_cast<unsigned char>(r);
        to[1] = static_cast<unsigned char>(g);
        to[2] = static_cast<unsigned char>(b);
    }

    void find_largest(const PngFile& png) {
        const std::size_t samples = info_.samples(), colors = samples - (info_.color >= 4 ? 1 : 0);
        const unsigned char* row = png.rows.data() + 1;
        for_each_pass(info_, [&](const PngPass& pass) {
            for (std::size_t y = 0; y < pass.height; ++y, row += pass.row(info_) + 1)
                for (std::size_t i = 0; i < pass.width * samples; ++i)
                    if (i % samples < colors) largest_ = (std::max)(largest_, sample(row, i));
        });
    }

    const PngInfo& info_;
    std::size_t channels_;
    unsigned bits_, largest_ = 0;
    std::optional<Rgb> background_;
    std::array<std::array<unsigned char, 3>, 256> palette_{};  // as they are stored in the result
    bool keyed_ = false;                                       // tRNS names one transparent colour
    std::array<unsigned, 3> key_{};
};

}  // namespace detail

/// Decodes the file called `name` to 1 (gray) or 3 (RGB) channels.
[[nodiscard]] inline Pixels decode_png(ByteView file, std::size_t channels, std::string_view name,
                                       const ReadLimits& limits = {}, const DecodeOptions& options = {}) {
    check_decode_options(options);
    check_channels(channels);
    detail::PngFile png = detail::read_png(file, name, limits);
    detail::unfilter_rows(png, name);
    const detail::PngColors colors{png, channels, options};
    Pixels image{png.info.height, png.info.width, channels,
                 Bytes(std::size_t{png.info.height} * png.info.width * channels)};
    const unsigned char* row = png.rows.data() + 1;
    detail::for_each_pass(png.info, [&](const detail::PngPass& pass) {
        for (std::size_t y = 0; y < pass.height; ++y, row += pass.row(png.info) + 1)
            for (std::size_t x = 0; x < pass.width; ++x)
                colors.pixel(row, x,
                             image.values.data() +
                                 ((pass.y0 + y * pass.dy) * image.width + pass.x0 + x * pass.dx) * channels);
    });
    return orient(std::move(image), options.exif_orientation ? exif_orientation(png.exif) : 1);
}

}  // namespace tessera::image
