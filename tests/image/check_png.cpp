#include <tessera/image/check_png.hpp>

#include <doctest/doctest.h>

#include <image/png_builder.hpp>
#include <support/message.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using samples::chunk;
using samples::png_of;
using samples::PngSpec;
using support::contains;
using support::message;

namespace {

std::string png_reason(ByteView file, const ReadLimits& limits = {}) {
    return message<FormatError>([&] { image::check_png(file, "x.png", limits); });
}
/// Recomputes the checksum of a chunk that was changed by hand.
Bytes with_header(PngSpec s, std::size_t at, unsigned char value) {
    Bytes body = samples::ihdr(s);
    body = Bytes(body.begin() + 8, body.end() - 4);
    body[at] = value;
    return png_of(chunk("IHDR", body), chunk("IDAT", samples::zlib(samples::rows(s))), samples::iend());
}

}  // namespace

TEST_CASE("check_png: every valid colour type and depth passes, interlaced or not, in every small size") {
    const std::vector<std::vector<std::uint32_t>> depths{{1, 2, 4, 8, 16}, {}, {8, 16}, {1, 2, 4, 8},
                                                         {8, 16},          {}, {8, 16}};
    std::size_t refused = 0;
    for (std::uint32_t color = 0; color < 7; ++color)
        for (const std::uint32_t depth : depths[color])
            for (std::uint32_t width = 1; width < 11; ++width)
                for (std::uint32_t height = 1; height < 11; ++height)
                    for (const bool interlaced : {false, true}) {
                        const image::PngInfo info =
                            image::check_png(samples::png({width, height, depth, color, interlaced}), "x.png");
                        refused +=
                            info.width != width || info.height != height || info.depth != depth || info.color != color;
                    }
    CHECK(refused == 0);
}

TEST_CASE("check_png: all other combinations of colour type and depth are errors") {
    int accepted = 0;
    for (unsigned color = 0; color < 256; ++color)
        for (unsigned depth = 0; depth < 256; ++depth) {
            Bytes body{0, 0, 0, 1, 0, 0, 0, 1, static_cast<unsigned char>(depth), static_cast<unsigned char>(color),
                       0, 0, 0};
            accepted +=
                !contains(png_reason(png_of(chunk("IHDR", body), samples::iend())), "invalid colour type and depth");
        }
    CHECK(accepted == 5 + 2 + 4 + 2 + 2);
}

TEST_CASE("check_png: a flipped bit or a truncation is detected, or harms nothing") {
    for (const PngSpec& spec : {PngSpec{5, 3, 8, 2, false}, PngSpec{9, 9, 4, 3, true}}) {
        const Bytes good = samples::png(spec);
        const Bytes rows = image::detail::read_png(good, "x.png", {}).rows;
        const std::size_t end_of_data = good.size() - 12 - 4;  // IEND, and the checksum of IDAT
        std::size_t missed = 0, accepted = 0;
        const auto harmed = [&](ByteView file) {
            if (!png_reason(file).empty()) return false;
            ++accepted;
            return image::detail::read_png(file, "x.png", {}).rows != rows;
        };
        for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
            Bytes bad = good;
            bad[bit / 8] ^= static_cast<unsigned char>(1 << bit % 8);
            missed += harmed(bad);
        }
        CHECK(missed == 0);
        CHECK(accepted <
              12 * 8 + 32);  // IEND, and the length of IDAT: the data that follow have a checksum of their end
        accepted = 0;
        for (std::size_t length = 0; length < good.size(); ++length) missed += harmed(ByteView{good}.first(length));
        CHECK(missed == 0);
        CHECK(accepted == good.size() - end_of_data);
    }
}

TEST_CASE("check_png: an excessive size is an error before any data is read") {
    const auto size = [](std::uint32_t w, std::uint32_t h) { return png_of(samples::ihdr({w, h, 8, 0, false})); };
    CHECK(png_reason(size(1 << 24, 1)) ==
          "x.png @16: image: 16777216 x 1 is more than the limits of 65535 a side and 178956970 pixels");
    CHECK(contains(png_reason(size(30000, 30000)), "30000 x 30000 is more"));
    CHECK(contains(png_reason(size(65535, 2731)), "65535 x 2731 is more"));
    CHECK(contains(png_reason(size(65536, 1)), "65536 x 1 is more"));
    for (const auto& [w, h] : {std::pair{65535u, 2730u}, {12000u, 9000u}})  // a photo of 108 megapixels
        CHECK(contains(png_reason(size(w, h)), "the file ends early"));
    CHECK(contains(png_reason(size(0xFFFFFFFF, 0xFFFFFFFF)), "is more"));
    CHECK(contains(png_reason(size(0, 5)), "image: 0 x 5 pixels"));
    CHECK(contains(png_reason(samples::png({5, 3, 8, 0, false}), {.image_pixels = 14}), "5 x 3 is more"));
    CHECK(contains(png_reason(samples::png({5, 3, 8, 0, false}), {.image_side = 4}), "5 x 3 is more"));
}

TEST_CASE("check_png: no more is allocated than the data can decompress to") {
    const Bytes few =
        png_of(samples::ihdr({.width = 4096, .height = 4096}), chunk("IDAT", samples::zlib(Bytes(9))), samples::iend());
    CHECK(contains(png_reason(few), "PNG: the image data have less than 16781312 bytes"));
}

TEST_CASE("check_png: the header comes first, and nothing critical is skipped before the data") {
    const PngSpec s;
    const Bytes head = samples::ihdr(s), data = chunk("IDAT", samples::zlib(samples::rows(s))), end = samples::iend();
    CHECK(contains(png_reason(png_of(head, head, data, end)), "IHDR must come first, and once"));
    CHECK(contains(png_reason(png_of(data, head, end)), "IHDR must come first, and once"));
    CHECK(contains(png_reason(png_of(chunk("CgBI", Bytes(4)), head, data, end)),
                   "IHDR must come first, not CgBI: Apple's PNG for iPhones is not read"));
    CHECK(contains(png_reason(png_of(head, chunk("CgBI", Bytes(4)), data, end)),
                   "@33: PNG: a PNG for iPhones (CgBI) is not supported"));
    CHECK(contains(png_reason(png_of(head, chunk("QR1T", Bytes(4)), data, end)), "the critical chunk QR?T is unknown"));
    CHECK(contains(png_reason(png_of(head)), "@33: PNG: the file ends early: it has no image data"));
    CHECK(contains(png_reason(png_of()), "@8: PNG: the file ends early"));
    CHECK(contains(png_reason(png_of(head, end)), "the file ends early: it has no image data"));
    CHECK(contains(png_reason(png_of(chunk("IHDR", Bytes(12)), data, end)), "IHDR of 12 bytes, expected 13"));
    Bytes too_long = png_of(head);
    samples::append(too_long, Bytes{0xFF, 0xFF, 0xFF, 0xF0, 't', 'E', 'X', 't', 0, 0, 0, 0});
    CHECK(contains(png_reason(too_long), "@33: PNG: a chunk of 4294967280 bytes ends after the file"));
    CHECK(contains(png_reason(with_header(s, 10, 1)), "unknown compression, filter or interlacing"));
    CHECK(contains(png_reason(with_header(s, 11, 1)), "unknown compression, filter or interlacing"));
    CHECK(contains(png_reason(with_header(s, 12, 2)), "unknown compression, filter or interlacing"));
}

TEST_CASE("check_png: chunks between, after and instead of the usual ones are skipped") {
    const PngSpec s;
    const Bytes head = samples::ihdr(s), data = chunk("IDAT", samples::zlib(samples::rows(s))), end = samples::iend();
    const Bytes stream = samples::zlib(samples::rows(s));
    const Bytes first = chunk("IDAT", ByteView{stream}.first(7)), second = chunk("IDAT", ByteView{stream}.subspan(7));
    Bytes damaged = chunk("tEXt", Bytes(3));
    damaged.back() ^= 1;
    const Bytes none;
    for (const Bytes& good :
         {png_of(head, first, second, end), png_of(head, chunk("tEXt", Bytes(3)), data, chunk("tIME", Bytes(7)), end),
          png_of(head, first, chunk("tEXt", Bytes(3)), second, end), png_of(head, data), png_of(head, first, second),
          png_of(head, damaged, data, damaged, end), png_of(head, chunk("IDAT", none), data, chunk("IDAT", none), end),
          png_of(head, data, chunk("QRST", none), end), png_of(head, data, Bytes(50, 0xFF)),
          png_of(head, data, end, head, damaged)}) {
        const std::string reason = png_reason(good);
        CHECK(reason == "");
    }
}

TEST_CASE("check_png: an indexed image needs one palette of valid length before the data") {
    const PngSpec s{.color = 3};
    const Bytes head = samples::ihdr(s), data = chunk("IDAT", samples::zlib(samples::rows(s))), end = samples::iend();
    const Bytes colors = chunk("PLTE", samples::palette());
    CHECK(png_reason(png_of(head, colors, data, end)).empty());
    CHECK(contains(png_reason(png_of(head, data, end)), "the palette is missing"));
    for (const Bytes& bad :
         {png_of(head, data, colors, end), png_of(head, colors, colors, data, end),
          png_of(head, chunk("PLTE", {}), data, end), png_of(head, chunk("PLTE", Bytes(4)), data, end),
          png_of(head, chunk("PLTE", Bytes(771)), data, end)})
        CHECK(contains(png_reason(bad), "a palette that is empty, too long or in the wrong place"));
}

TEST_CASE("check_png: the data must have all rows; what is more is ignored") {
    const PngSpec s;
    const auto with = [&](ByteView stream) {
        return png_reason(png_of(samples::ihdr(s), chunk("IDAT", stream), samples::iend()));
    };
    const Bytes raw = samples::rows(s);
    Bytes more = raw, wrong = samples::zlib(raw), header = wrong;
    more.resize(more.size() + 40);
    wrong.back() ^= 1;
    header[0] = 0x79;
    const Bytes whole = samples::zlib(raw);
    CHECK(with(whole).empty());
    CHECK(with(samples::zlib(more)).empty());
    CHECK(with(wrong).empty());  // the CRC of the chunk is right: the program that wrote it made a mistake
    CHECK(with(ByteView{whole}.first(whole.size() - 1)).empty());
    CHECK(contains(with(samples::zlib(ByteView{raw}.first(17))), "the image data have 17 bytes, expected 18"));
    CHECK(contains(with(header), "the image data are not a zlib stream"));
}

TEST_CASE("check_png: a file that ends in its image data needs their checksum, and says how much is missing") {
    const PngSpec s;
    const Bytes stream = samples::zlib(samples::rows(s));
    const Bytes file = png_of(samples::ihdr(s), chunk("IDAT", stream));
    const auto cut = [&](std::size_t bytes) { return png_reason(ByteView{file}.first(file.size() - bytes)); };
    CHECK(cut(4).empty());
    CHECK(contains(cut(5), "the file ends before the checksum of the image data"));
    CHECK(contains(cut(8), "the file ends before the checksum of the image data"));
    CHECK(contains(cut(9), "the file ends early: 0 of 18 bytes of the rows are there"));
    Bytes wrong = file;
    wrong[wrong.size() - 5] ^= 1;
    CHECK(contains(png_reason(ByteView{wrong}.first(wrong.size() - 4)), "the checksum of the image data is wrong"));
    const Bytes short_stream = samples::zlib(ByteView{samples::rows(s)}.first(11));
    CHECK(contains(png_reason(png_of(samples::ihdr(s), chunk("IDAT", short_stream))),
                   "the file ends early: 11 of 18 bytes of the rows are there"));
}
