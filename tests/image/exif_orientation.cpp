#include <tessera/image/exif_orientation.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>

using namespace tessera;
using image::exif_orientation;
using samples::from_hex;

TEST_CASE(
    "exif_orientation: reads the tag in both byte orders, as a SHORT, BYTE, LONG, SSHORT or SLONG, after other tags") {
    for (unsigned o = 1; o <= 8; ++o) {
        Bytes little = from_hex("49492a000800000001001201030001000000000000000000"),
              big = from_hex("4d4d002a00000008000101120003000000010000000000000000"),
              byte = from_hex("49492a000800000001001201010001000000000000000000"),
              wide = from_hex("4d4d002a0000000800010112000400000001000000000000");
        little[18] = big[19] = byte[18] = static_cast<unsigned char>(o);
        wide[21] = static_cast<unsigned char>(o);
        CHECK(exif_orientation(little) == o);
        CHECK(exif_orientation(big) == o);
        CHECK(exif_orientation(byte) == o);
        CHECK(exif_orientation(wide) == o);
        little[12] = 8;  // SSHORT
        big[13] = 8;
        wide[13] = 9;  // SLONG
        CHECK(exif_orientation(little) == o);
        CHECK(exif_orientation(big) == o);
        CHECK(exif_orientation(wide) == o);
        Bytes second = from_hex("49492a000800000002000f010200040000004141414112010300010000000000000000");
        second[30] = static_cast<unsigned char>(o);
        CHECK(exif_orientation(second) == o);
        Bytes as_in_jpeg = from_hex("457869660000");  // "Exif" and two zeros, which some programs write in eXIf too
        as_in_jpeg.insert(as_in_jpeg.end(), little.begin(), little.end());
        CHECK(exif_orientation(as_in_jpeg) == o);
    }
}

TEST_CASE("exif_orientation: data that are damaged, cut anywhere or without the tag say nothing") {
    const Bytes good = from_hex("4d4d002a00000008000101120003000000010006000000000000");
    REQUIRE(exif_orientation(good) == 6);
    for (std::size_t n = 0; n < good.size(); ++n)
        CHECK(exif_orientation(ByteView{good}.first(n)) == (n < 22 ? 1u : 6u));
    struct Change {
        std::size_t at;
        unsigned char value;
    };
    for (const Change c : {Change{0, 'I'},
                           {1, 'I'},
                           {0, 'X'},
                           {3, 43},
                           {4, 0xFF},
                           {7, 200},
                           {9, 0},
                           {11, 0x13},
                           {13, 2},
                           {13, 5},
                           {19, 0},
                           {19, 9},
                           {18, 1}}) {
        Bytes bad = good;
        bad[c.at] = c.value;
        CHECK_MESSAGE(exif_orientation(bad) == 1, "byte ", c.at);
    }
    Bytes many = good;  // more entries than there is room for
    many[8] = many[9] = 0xFF;
    many[11] = 0x13;
    CHECK(exif_orientation(many) == 1);
}
