#include <tessera/image/is_colour.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <image/jpeg_samples.hpp>
#include <image/png_builder.hpp>

#include <tessera/image/encode_png.hpp>

using namespace tessera;

TEST_CASE("is_colour: a PNG of each colour type") {
    CHECK(!image::is_colour(image::encode_png({1, 1, 1, Bytes(1)})));
    CHECK(!image::is_colour(image::encode_png({1, 1, 2, Bytes(2)})));
    CHECK(image::is_colour(image::encode_png({1, 1, 3, Bytes(3)})));
    CHECK(image::is_colour(image::encode_png({1, 1, 4, Bytes(4)})));
    Bytes palette = image::encode_png({1, 1, 1, Bytes(1)});
    palette[25] = 3;
    CHECK(image::is_colour(palette));
}

TEST_CASE("is_colour: a JPEG by the components of its frame, after other segments and padding") {
    const auto jpeg = [](unsigned char marker, unsigned char components) {
        return Bytes{0xFF, 0xD8, 0xFF,   0xE0, 0,  4, 1, 2,  // APP0
                     0xFF, 0xFF, marker, 0,    11, 8, 0, 1, 0, 1, components, 0, 0, 0};
    };
    CHECK((image::is_colour(jpeg(0xC0, 3)) && image::is_colour(jpeg(0xC2, 4)) && !image::is_colour(jpeg(0xC0, 1))));
    CHECK(!image::is_colour(jpeg(0xC4, 3)));  // a Huffman table
    CHECK(!image::is_colour(jpeg(0xDA, 3)));  // a scan
    const Bytes whole = jpeg(0xC0, 3);
    for (std::size_t length = 0; length < 18; ++length) CHECK(!image::is_colour(ByteView{whole}.first(length)));
    CHECK((!image::is_colour(Bytes{}) && !image::is_colour(Bytes(64))));
    const Bytes gif{'G', 'I', 'F', '8', '9', 'a'};
    CHECK(!image::is_colour(gif));
}

TEST_CASE("has_16_bits: a PNG by its header; a JPEG never has") {
    Bytes png = image::encode_png({1, 1, 1, Bytes(1)});
    CHECK(!image::has_16_bits(png));
    png[24] = 16;
    CHECK(image::has_16_bits(png));
    CHECK(!image::has_16_bits(ByteView{png}.first(24)));
    CHECK((!image::has_16_bits(Bytes{}) && !image::has_16_bits(Bytes{0xFF, 0xD8, 0xFF, 0xE0})));
}

TEST_CASE("has_alpha: a PNG with alpha samples, or with tRNS before its pixels") {
    CHECK(image::has_alpha(image::encode_png({1, 1, 2, Bytes(2)})));
    CHECK(image::has_alpha(image::encode_png({1, 1, 4, Bytes(4)})));
    const Bytes rgb = image::encode_png({1, 1, 3, Bytes(3)});
    CHECK(!image::has_alpha(rgb));
    const Bytes key = samples::chunk("tRNS", Bytes(6)), other = samples::chunk("tEXt", Bytes(3));
    const auto with = [&](std::size_t at, const Bytes& first, const Bytes& second) {  // 33: after IHDR
        Bytes file{rgb.begin(), rgb.begin() + static_cast<std::ptrdiff_t>(at)};
        samples::append(file, first);
        samples::append(file, second);
        file.insert(file.end(), rgb.begin() + static_cast<std::ptrdiff_t>(at), rgb.end());
        return file;
    };
    const Bytes keyed = with(33, other, key);
    CHECK(image::has_alpha(keyed));
    CHECK(!image::has_alpha(with(33, other, {})));
    CHECK(!image::has_alpha(with(rgb.size() - 12, key, {})));  // after the pixels: ignored, as by the decoder
    for (std::size_t length = 0; length < 33 + other.size() + 8; ++length)
        CHECK(!image::has_alpha(ByteView{keyed}.first(length)));
    Bytes endless = with(33, other, {});
    endless[33] = 0xFF;  // the length of the chunk
    CHECK(!image::has_alpha(endless));
    CHECK((!image::has_alpha(Bytes{}) && !image::has_alpha(Bytes{0xFF, 0xD8, 0xFF, 0xE0})));
}
