#include <tessera/image/check_jpeg.hpp>

#include <doctest/doctest.h>

#include <image/jpeg_samples.hpp>
#include <support/message.hpp>

#include <string>

using namespace tessera;
using support::contains;
using support::message;

namespace {
std::string jpeg_reason(ByteView file, const ReadLimits& limits = {}) {
    return message<FormatError>([&] { image::check_jpeg(file, "x.jpg", limits); });
}
/// The progressive sample with one byte of its frame header changed; the SOF marker is at 89.
std::string with(std::size_t at, unsigned char value) {
    Bytes file = samples::progressive_jpeg();
    REQUIRE((file[89] == 0xFF && file[90] == 0xC2));
    file[at] = value;
    return jpeg_reason(file);
}
}  // namespace

TEST_CASE("check_jpeg: a valid file passes, also with fill bytes, zeros and bytes after its end") {
    Bytes file = samples::progressive_jpeg();
    CHECK(jpeg_reason(file).empty());
    file.resize(file.size() + 10);
    CHECK(jpeg_reason(file).empty());
    file.insert(file.begin() + 2, 3, 0xFF);
    CHECK(jpeg_reason(file).empty());
    file.insert(file.begin() + 2, 7, 0);
    CHECK(jpeg_reason(file).empty());
}

TEST_CASE("check_jpeg: without its end marker a file passes where its last scan is whole, and only there") {
    const Bytes good = samples::progressive_jpeg();
    std::size_t accepted = 0;
    for (std::size_t length = 0; length < good.size(); ++length)
        accepted += jpeg_reason(ByteView{good}.first(length)).empty();
    CHECK(accepted == 2);  // without the end marker, and with half of it
    CHECK(jpeg_reason(ByteView{good}.first(good.size() - 1)).empty());
    CHECK(jpeg_reason(ByteView{good}.first(good.size() - 2)).empty());
    CHECK(
        contains(jpeg_reason(ByteView{good}.first(good.size() - 4)), "the file ends early: scan 6 has 0 of 2 blocks"));
    CHECK(contains(jpeg_reason(ByteView{good}.first(263)), "is not complete"));
    CHECK(contains(jpeg_reason(ByteView{good}.first(50)), "the file ends early, in a segment"));
    CHECK(contains(jpeg_reason(ByteView{good}.first(89)), "the file ends early, before its image data"));
    CHECK(contains(jpeg_reason(ByteView{good}.first(91)), "the file ends early, in a segment"));
}

TEST_CASE("check_jpeg: each rejected file gives its reason") {
    CHECK(contains(with(90, 0xC3), "lossless coding is not supported"));
    CHECK(contains(with(90, 0xC5), "hierarchical coding is not supported"));
    CHECK(contains(with(90, 0xC9), "arithmetic coding is not supported, only Huffman coding"));
    CHECK(contains(with(90, 0xF7), "JPEG-LS is not supported"));
    CHECK(contains(with(93, 12), "12 bits per sample are not supported, only 8"));
    CHECK(contains(with(98, 2), "components: expected 1 (gray), 3 (colour) or 4 (CMYK), got 2"));
    CHECK(contains(with(98, 3), "a second or a short frame header"));
    Bytes large = samples::progressive_jpeg();
    large[94] = large[96] = 0xFF;
    CHECK(contains(jpeg_reason(large), "65296 x 65288 is more than the limits"));
    CHECK(contains(with(95, 0), "JPEG: the height is 0: one that follows in a DNL segment is not supported"));
    CHECK(contains(with(97, 0), "image: 0 x 8 pixels"));
    CHECK(contains(with(2, 1), "not a JPEG"));
    CHECK(contains(with(4, 0xFF), "the file ends early, in a segment"));
    CHECK(contains(with(90, 0xD8), "a marker in the wrong place"));
    CHECK(contains(with(90, 0xFE), "image data before the frame header"));
    CHECK(contains(with(92, 7), "a second or a short frame header"));
    CHECK(contains(jpeg_reason(Bytes{0xFF, 0xD8, 0xFF, 0xD9}), "the file has no image data"));
    CHECK(contains(jpeg_reason(Bytes{0xFF, 0xD8, 0xFF, 0xDB, 0, 1}), "a segment of 1 bytes"));
    CHECK(contains(jpeg_reason(Bytes{0xFF, 0xD8, 0xFF, 0xDD, 0, 3, 0}), "a restart interval of 3 bytes, expected 4"));
}

TEST_CASE("check_jpeg: tables must be valid, and defined when a scan needs them") {
    // The first Huffman table: FF C4 at 102, its class and number at 106, sixteen counts, two codes; then the scan.
    const Bytes file = samples::progressive_jpeg();
    REQUIRE((file[102] == 0xFF && file[103] == 0xC4 && file[106] == 0x00));
    CHECK(contains(with(107, 255), "a Huffman table of 256 codes"));
    CHECK(contains(with(108, 0), "a damaged Huffman table"));  // one byte too many
    CHECK(contains(with(106, 0x20), "a damaged Huffman table"));
    CHECK(contains(with(106, 0x04), "a damaged Huffman table"));
    CHECK(contains(with(106, 0x01), "a scan needs a table that is missing"));
    CHECK(contains(with(106, 0x10), "a scan needs a table that is missing"));
    REQUIRE((file[20] == 0xFF && file[21] == 0xDB));
    CHECK(contains(with(24, 0x01), "a scan needs a table that is missing"));
    CHECK(contains(with(24, 0x10), "a damaged quantization table"));
    CHECK(contains(with(24, 0x04), "a damaged quantization table"));
    CHECK(contains(with(107, 2), "a Huffman table"));
    CHECK(contains(with(100, 0x01), "a damaged component"));
    CHECK(contains(with(100, 0x51), "a damaged component"));
    CHECK(contains(with(101, 4), "a damaged component"));
}

TEST_CASE(
    "check_jpeg: more than 256 codes in a Huffman table, which overflow an array of stb_image 2.27, are an error") {
    Bytes bomb{0xFF, 0xD8, 0xFF, 0xC4, 0x02, 0x20, 0x00, 0xFF, 0xFF};
    bomb.resize(4 + 0x220, 1);
    samples::append(bomb, Bytes{0xFF, 0xD9});
    CHECK(contains(jpeg_reason(bomb), "a Huffman table of 524 codes"));
}

TEST_CASE("check_jpeg: scan headers must match the frame") {
    // The first scan: FF DA at 125, one component at 129.
    const Bytes file = samples::progressive_jpeg();
    REQUIRE((file[125] == 0xFF && file[126] == 0xDA && file[129] == 1));
    CHECK(contains(with(129, 0), "a damaged scan header"));
    CHECK(contains(with(129, 2), "a damaged scan header"));
    CHECK(contains(with(130, 9), "a damaged scan header"));  // no such component
    CHECK(contains(with(131, 0x40), "a damaged scan header"));
    CHECK(with(131, 0x04).empty());                          // the number of a table that the scan does not use
    CHECK(contains(with(133, 5), "a damaged scan header"));  // DC together with AC
    CHECK(contains(with(133, 64), "a damaged scan header"));
    CHECK(contains(with(134, 0x0E), "a damaged scan header"));
    CHECK(contains(with(90, 0xC0), ""));  // a sequential scan has all coefficients, whatever its header says
}

TEST_CASE("check_jpeg: each component must have a scan; numbers may occur twice") {
    const auto frame = [](unsigned char second) {
        return Bytes{0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0, 8, 0, 8, 3, 1, 0x11, 0, second, 0x11, 0, 3, 0x11, 0};
    };
    CHECK(contains(jpeg_reason(frame(1)), "the file ends early, before its image data"));
    Bytes file = frame(2);
    const auto add = [&](const Bytes& more) { file.insert(file.end(), more.begin(), more.end()); };
    Bytes quantization{0xFF, 0xDB, 0, 67, 0};
    quantization.resize(69, 1);
    add(quantization);
    for (const unsigned char table : Bytes{0x00, 0x10}) {
        Bytes huffman{0xFF, 0xC4, 0, 20, table, 1};
        huffman.resize(22);
        add(huffman);
    }
    for (const unsigned char component : Bytes{1, 3}) add({0xFF, 0xDA, 0, 8, 1, component, 0, 0, 63, 0, 0x3F});
    const Bytes end{0xFF, 0xD9};
    Bytes two_scans = file;
    two_scans.insert(two_scans.end(), end.begin(), end.end());
    CHECK(contains(jpeg_reason(two_scans), "no scan has component 2"));
    add({0xFF, 0xDA, 0, 8, 1, 2, 0, 0, 63, 0, 0x3F, 0xFF, 0xD9});
    CHECK(jpeg_reason(file).empty());
}

TEST_CASE("check_jpeg: the number of scans is limited") {
    CHECK(contains(jpeg_reason(samples::progressive_jpeg(), {.jpeg_scans = 5}), "more than 5 scans"));
    CHECK(jpeg_reason(samples::progressive_jpeg(), {.jpeg_scans = 6}).empty());
}

TEST_CASE("check_jpeg: the work of all scans together is limited, before anything is decoded") {
    CHECK(contains(jpeg_reason(samples::progressive_jpeg(), {.jpeg_blocks = 11}),
                   "more than 11 blocks of 8 x 8 samples in 6 scans of 16 x 8 pixels"));
    CHECK(jpeg_reason(samples::progressive_jpeg(), {.jpeg_blocks = 12}).empty());
    // 99 scans of 8192 x 8192 pixels, which took 9 s when only scans and pixels were limited
    CHECK(contains(jpeg_reason(samples::gray_jpeg(8192, 8192, 0, 99, {0x1F})),
                   "more than 33554432 blocks of 8 x 8 samples in 33 scans of 8192 x 8192 pixels"));
}
