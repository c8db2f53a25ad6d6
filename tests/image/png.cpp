#include <tessera/image/png.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <image/png_builder.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

using namespace tessera;
using image::Pixels;
using samples::PngSpec;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {

/// The colour of a pixel as 8-bit RGB, by the definition of the format.
std::array<unsigned, 3> rgb(const PngSpec& s, std::uint32_t x, std::uint32_t y) {
    const auto byte = [&](std::uint32_t v) { return s.depth == 16 ? v >> 8 : v * 255 / ((1u << s.depth) - 1); };
    if (s.color == 3) {
        const unsigned i = s.value(x, y, 0);
        return {i, 255 - i, i * 3 & 255};
    }
    const unsigned first = byte(s.value(x, y, 0));
    if (s.color == 0 || s.color == 4) return {first, first, first};
    return {first, byte(s.value(x, y, 1)), byte(s.value(x, y, 2))};
}

Pixels pattern(std::size_t h, std::size_t w, std::size_t c) {
    Pixels image{h, w, c, Bytes(h * w * c)};
    for (std::size_t i = 0; i < image.values.size(); ++i) image.values[i] = static_cast<unsigned char>(i * i * 13 >> 2);
    return image;
}

}  // namespace

TEST_CASE("decode_png: every colour type and depth gives the right pixels, in gray and RGB") {
    const std::vector<std::vector<std::uint32_t>> depths{{1, 2, 4, 8, 16}, {}, {8, 16}, {1, 2, 4, 8},
                                                         {8, 16},          {}, {8, 16}};
    std::size_t wrong = 0;
    for (std::uint32_t color = 0; color < 7; ++color)
        for (const std::uint32_t depth : depths[color])
            for (const bool interlaced : {false, true})
                for (const std::uint32_t width : {1u, 7u, 8u, 9u, 31u}) {
                    const PngSpec s{width, 9, depth, color, interlaced};
                    const Bytes file = samples::png(s);
                    const image::DecodeOptions opaque{.background = std::nullopt};
                    const Pixels gray = image::decode_png(file, 1, "x.png", {}, opaque),
                                 color_image = image::decode_png(file, 3, "x.png", {}, opaque);
                    for (std::uint32_t y = 0; y < s.height; ++y)
                        for (std::uint32_t x = 0; x < s.width; ++x) {
                            const auto [r, g, b] = rgb(s, x, y);
                            wrong += *gray.at(y, x) != (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
                            const unsigned char* p = color_image.at(y, x);
                            wrong += p[0] != r || p[1] != g || p[2] != b;
                        }
                }
    CHECK(wrong == 0);
}

TEST_CASE("decode_png: transparent pixels show the background, white by default, or their own colours") {
    const PngSpec s{.depth = 8, .color = 3};
    Bytes alphas(256);
    alphas[s.value(3, 2, 0)] = 128;
    const Bytes file =
        samples::png_of(samples::ihdr(s), samples::chunk("PLTE", samples::palette()), samples::chunk("tRNS", alphas),
                        samples::chunk("IDAT", samples::zlib(samples::rows(s))), samples::iend());
    const auto [r, g, b] = rgb(s, 3, 2);
    const Pixels white = image::decode_png(file, 3, "x.png"),
                 blue = image::decode_png(file, 3, "x.png", {}, {.background = image::Rgb{0, 0, 200}}),
                 dropped = image::decode_png(file, 3, "x.png", {}, {.background = std::nullopt}),
                 gray = image::decode_png(file, 1, "x.png");
    CHECK((white.at(0, 0)[0] == 255 && white.at(0, 0)[1] == 255 && white.at(0, 0)[2] == 255));
    CHECK((blue.at(0, 0)[0] == 0 && blue.at(0, 0)[1] == 0 && blue.at(0, 0)[2] == 200));
    CHECK((dropped.at(0, 0)[0] == s.value(0, 0, 0) && dropped.at(2, 3)[0] == r));
    CHECK(gray.at(0, 0)[0] == 255);
    CHECK(white.at(2, 3)[0] == (128 * r + 127 * 255 + 127) / 255);
    CHECK(blue.at(2, 3)[0] == (128 * r + 127) / 255);
    CHECK(blue.at(2, 3)[1] == (128 * g + 127) / 255);
    CHECK(blue.at(2, 3)[2] == (128 * b + 127 * 200 + 127) / 255);
}

TEST_CASE("decode_png: of 16 bits the upper 8 are kept, or those of a smaller range, or all up to the largest") {
    const PngSpec s{7, 5, 16, 0, false};
    const auto decoded = [&](unsigned bits) {
        return image::decode_png(samples::png(s), 1, "x.png", {}, {.significant_bits = bits});
    };
    const Pixels upper = decoded(16), twelve = decoded(12), eight = decoded(8), stretched = decoded(0);
    std::uint32_t largest = 0;
    for (std::uint32_t y = 0; y < 5; ++y)
        for (std::uint32_t x = 0; x < 7; ++x) largest = (std::max)(largest, s.value(x, y, 0));
    support::Mismatch wrong;
    for (std::uint32_t y = 0; y < 5; ++y)
        for (std::uint32_t x = 0; x < 7; ++x) {
            const std::uint32_t v = s.value(x, y, 0);
            wrong.compare(v >> 8, unsigned{*upper.at(y, x)}, "upper, x = ", x, ", y = ", y);
            wrong.compare((std::min)(255u, v >> 4), unsigned{*twelve.at(y, x)}, "12 bits, x = ", x, ", y = ", y);
            wrong.compare((std::min)(255u, v), unsigned{*eight.at(y, x)}, "8 bits, x = ", x, ", y = ", y);
            wrong.compare((v * 255 + largest / 2) / largest, unsigned{*stretched.at(y, x)}, "stretched, x = ", x,
                          ", y = ", y);
        }
    CHECK(wrong.first() == "");
    // black stays black, and one bright alpha sample does not count as the largest
    const Bytes dark =
        samples::png_of(samples::ihdr({1, 1, 16, 4, false}),
                        samples::chunk("IDAT", samples::zlib(Bytes{0, 0, 0, 0xFF, 0xFF})), samples::iend());
    CHECK(image::decode_png(dark, 1, "x.png", {}, {.significant_bits = 0}).values == Bytes{0});
}

TEST_CASE("decode_png: an unknown filter is an error that names the row") {
    const PngSpec s;
    Bytes rows = samples::rows(s);
    rows[12] = 9;
    CHECK(message<FormatError>([&] {
              static_cast<void>(image::decode_png(
                  samples::png_of(samples::ihdr(s), samples::chunk("IDAT", samples::zlib(rows)), samples::iend()), 1,
                  "x.png"));
          }) == "x.png @33: PNG: filter of row 2: expected 0 to 4, got 9");
}

TEST_CASE("decode_png: an index beyond the palette is black, whatever is in memory") {
    const PngSpec s{.width = 40, .height = 30, .depth = 8, .color = 3};
    const Bytes whole = samples::palette();
    for (const std::size_t colours : {1u, 2u, 100u, 255u, 256u}) {
        const Bytes palette(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(3 * colours));
        const Bytes file = samples::png_of(samples::ihdr(s), samples::chunk("PLTE", palette),
                                           samples::chunk("IDAT", samples::zlib(samples::rows(s))), samples::iend());
        const Pixels image = image::decode_png(file, 3, "x.png");
        support::Mismatch wrong;
        for (std::uint32_t y = 0; y < s.height; ++y)
            for (std::uint32_t x = 0; x < s.width; ++x)
                for (std::size_t c = 0; c < 3; ++c)
                    wrong.compare(s.value(x, y, 0) < colours ? rgb(s, x, y)[c] : 0, image.at(y, x)[c], "x = ", x,
                                  ", y = ", y, ", channel ", c);
        CHECK(wrong.first() == "");
    }
}

TEST_CASE("encode_png: decoding gives the same pixels, and check_png accepts the file") {
    for (const std::size_t channels : {1u, 3u})
        for (const std::size_t side : {1u, 7u, 33u, 100u}) {
            const Pixels image = pattern(side, side + 2, channels);
            const Bytes file = image::encode_png(image);
            CHECK(image::decode_png(file, channels, "x.png").values == image.values);
        }
    CHECK_NOTHROW(image::check_png(image::encode_png(pattern(5, 5, 2)), "x.png"));
    CHECK_NOTHROW(image::check_png(image::encode_png(pattern(5, 5, 4)), "x.png"));
}

TEST_CASE("encode_png: inconsistent sizes are errors") {
    Pixels image = pattern(2, 2, 1);
    image.values.pop_back();
    CHECK(message<ArgumentError>([&] { static_cast<void>(image::encode_png(image)); }) ==
          "encode_png: 2 x 2 x 1 from 3 bytes: expected that many bytes, at most 2^30, in 1 to 4 channels");
    CHECK(
        contains(message<ArgumentError>([&] { static_cast<void>(image::encode_png(pattern(2, 2, 5))); }), "2 x 2 x 5"));
    CHECK(contains(message<ArgumentError>([&] { static_cast<void>(image::encode_png({0, 2, 1, {}})); }), "0 x 2 x 1"));
}

TEST_CASE("write_png: writes a valid file, and leaves nothing behind on an error") {
    const TemporaryFolder folder;
    image::write_png(folder / "a.png", pattern(3, 4, 3));
    CHECK(image::decode_png(read_file(folder / "a.png", 10000), 3, "a.png").values == pattern(3, 4, 3).values);
    CHECK(contains(message<IoError>([&] { image::write_png(folder / "none/a.png", pattern(3, 4, 3)); }),
                   "No such file or directory"));
    CHECK(folder.entries() == 1);
}
