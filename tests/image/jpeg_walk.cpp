// What a decoder of the coded data may rely on: image/detail/jpeg_walk.hpp, through decode_image.

#include <tessera/image/decode_image.hpp>

#include <doctest/doctest.h>

#include <image/jpeg_samples.hpp>
#include <support/message.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

using namespace tessera;
using support::contains;

namespace {
/// The gray levels of the blocks of a row of four, or the message of the error.
std::string levels(const Bytes& file) {
    try {
        const image::Pixels pixels = image::decode_image(file, 1, "x.jpg");
        std::string text;
        for (std::size_t x = 4; x < pixels.width; x += 8) text += std::to_string(pixels.values[x]) + ' ';
        return text;
    } catch (const FormatError& e) {
        return e.what();
    }
}
std::string row(const Bytes& coded, unsigned restart = 1) {
    return levels(samples::gray_jpeg(32, 8, restart, 1, coded));
}
const std::string whole = "128 138 148 158 ";
}  // namespace

TEST_CASE("jpeg_walk: intervals between restart markers are decoded") {
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x0C, 0xCD}, 0) == whole);
    CHECK(row({0x0D, 0xFF, 0xD0, 0xA3, 0x7F}, 2) == "128 138 148 158 ");
}

TEST_CASE("jpeg_walk: a restart marker that was lost between two whole intervals is put back") {
    CHECK(row({0x1F, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xB7}) == whole);
}

TEST_CASE("jpeg_walk: zeros before a restart marker and anything after a scan are dropped") {
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0, 0, 0, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7, 0, 0xAA, 0xFF, 0xD3}) == whole);
    Bytes many{0x1F};
    many.resize(66);
    samples::append(many, Bytes{0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7});
    CHECK(contains(row(many), "JPEG: scan 1 has an invalid code"));
}

TEST_CASE("jpeg_walk: intervals that are not whole are refused, although a decoder would fill them") {
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2}),
                   "scan 1 ends early: it has 3 of 4 blocks"));
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0x6F}), "scan 1 ends early: it has 2 of 4 blocks"));
    CHECK(contains(row({0x0D}, 0), "scan 1 ends early: it has 2 of 4 blocks"));
    CHECK(contains(row({}, 0), "scan 1 ends early: it has 0 of 4 blocks"));
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}),
                   "scan 1 ends early: it has 1 of 4 blocks"));
    CHECK(contains(row({0x1F, 0xAA, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}),
                   "scan 1 has an invalid code"));
    CHECK(contains(row({0x1F, 0x6F, 0xA7, 0xFF, 0xD2, 0xB7}), "scan 1 has an invalid code"));
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xB7, 0xB7}), "scan 1 has an invalid code"));
}

TEST_CASE("jpeg_walk: a DC coefficient beyond 16 bits, which overflows an int of stb_image, is refused") {
    // 110 and 15 ones are the difference 32767: once it is a coefficient, twice it is none
    CHECK(row({0xDF, 0xFF, 0, 0xC0, 0x0F}, 0).size() > 4);
    CHECK(!contains(row({0xDF, 0xFF, 0, 0xC0, 0x0F}, 0), "invalid"));
    CHECK(contains(row({0xDF, 0xFF, 0, 0xDB, 0xFF, 0, 0xF8, 0x0F}, 0), "scan 1 has an invalid code"));
}

TEST_CASE("jpeg_walk: scans of a progressive file may come in any order") {
    const Bytes file = samples::progressive_jpeg();
    Bytes later = file;  // the first scan, of the DC coefficients, and its table: from 102 to 138
    std::rotate(later.begin() + 102, later.begin() + 138, later.end() - 2);
    REQUIRE(later != file);
    CHECK(levels(later) == levels(file));
    CHECK(levels(file) == "64 192 ");
}
