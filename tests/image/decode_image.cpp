#include <tessera/image/decode_image.hpp>

#include <doctest/doctest.h>

#include <image/jpeg_samples.hpp>
#include <image/png_builder.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>

#include <cmath>
#include <cstdlib>
#include <string_view>

// The host's own copy of stb_image_write, because the library does not write JPEG.
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

using namespace tessera;
using image::Pixels;
using support::contains;
using support::message;

namespace {

Bytes baseline_jpeg(int width, int height, int channels) {
    std::vector<unsigned char> pixels;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<unsigned char>(8 * x + 4 * y + 20 * c));
    Bytes file;
    stbi_write_jpg_to_func(
        [](void* to, void* from, int size) {
            auto* bytes = static_cast<const unsigned char*>(from);
            static_cast<Bytes*>(to)->insert(static_cast<Bytes*>(to)->end(), bytes, bytes + size);
        },
        &file, width, height, channels, pixels.data(), 95);
    return file;
}

}  // namespace

TEST_CASE("decode_image: the content decides between PNG and JPEG") {
    const Pixels png = image::decode_image(samples::png({5, 3, 8, 2, false}), 3, "picture.jpg");
    CHECK((png.width == 5 && png.height == 3 && png.channels == 3));
    const Pixels jpeg = image::decode_image(samples::progressive_jpeg(), 1, "picture.png");
    CHECK((jpeg.width == 16 && jpeg.height == 8));
    int worst = 0;
    for (std::size_t y = 0; y < 8; ++y)
        for (std::size_t x = 0; x < 16; ++x)
            worst = support::larger(worst, std::abs(*jpeg.at(y, x) - static_cast<int>(x) * 16));
    CHECK(worst < 16);
}

TEST_CASE("decode_image: decodes a baseline JPEG in gray and in colour") {
    const Bytes file = baseline_jpeg(17, 9, 3);
    const Pixels color = image::decode_image(file, 3, "x.jpg"), gray = image::decode_image(file, 1, "x.jpg");
    int worst = 0, worst_gray = 0;
    for (std::size_t y = 0; y < 9; ++y)
        for (std::size_t x = 0; x < 17; ++x) {
            const int base = static_cast<int>(8 * x + 4 * y);
            for (std::size_t c = 0; c < 3; ++c)
                worst = support::larger(worst, std::abs(color.at(y, x)[c] - base - static_cast<int>(c) * 20));
            worst_gray =
                support::larger(worst_gray, std::abs(*gray.at(y, x) - base - 14));  // 0.587 20 + 0.114 40 = 16.3
        }
    CHECK((worst < 12 && worst_gray < 12));
}

TEST_CASE("decode_image: a JPEG truncated at any of 16 places is an error") {
    const Bytes file = baseline_jpeg(64, 64, 3);
    for (std::size_t i = 0; i < 16; ++i)
        CHECK(contains(message<FormatError>([&] {
                           static_cast<void>(
                               image::decode_image(ByteView{file}.first(file.size() * i / 16), 3, "x.jpg"));
                       }),
                       "x.jpg @"));
}

TEST_CASE("decode_image: flipped bytes never cause harm") {
    const Bytes good = samples::progressive_jpeg();
    for (std::size_t at = 0; at < good.size(); ++at)
        for (const unsigned mask : {0x01u, 0x10u, 0x80u, 0xFFu}) {
            Bytes bad = good;
            bad[at] = static_cast<unsigned char>(bad[at] ^ mask);
            const std::string text =
                message<FormatError>([&] { static_cast<void>(image::decode_image(bad, 3, "x.jpg")); });
            if (!text.empty() && !text.starts_with("x.jpg @")) CHECK(text == "");
        }
}

TEST_CASE("decode_image: other formats are errors, by their content") {
    using namespace std::string_view_literals;
    for (const std::string_view start :
         {"GIF89a\x01\x00\x01\x00\x00\x00\x00"sv, "BM\x3A\x00\x00\x00\x00\x00\x00\x00"sv, "8BPS\x00\x01"sv,
          "#?RADIANCE\n"sv, "P6\n1 1\n255\n\x00\x00\x00"sv, "P5\n1 1\n255\n\x00"sv, "\x53\x80\xF6\x34"sv,
          "\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x18\x00"sv, "RIFF\x00\x00\x00\x00WEBP"sv,
          ""sv, "\x89PNG"sv, "\xFF\xD8"sv}) {
        Bytes file(start.begin(), start.end());
        if (start.size() > 4) file.resize(200);
        CHECK(message<FormatError>([&] {
                  static_cast<void>(image::decode_image(file, 3, "x.png"));
              }).starts_with("x.png @0: neither a PNG nor a JPEG"));
    }
    CHECK(message<FormatError>([&] {
              static_cast<void>(image::decode_image(Bytes{'G', 'I', 'F', '8', '9', 'a'}, 3, "x.png"));
          }) == "x.png @0: neither a PNG nor a JPEG: the file is a GIF");
}

TEST_CASE("decode_image: the message says what a file looks like that is no image") {
    using namespace std::string_view_literals;
    const auto told = [](std::string_view text) {
        const Bytes file(text.begin(), text.end());
        const std::string what =
            message<FormatError>([&] { static_cast<void>(image::decode_image(file, 3, "x.png")); });
        constexpr std::string_view start = "x.png @0: neither a PNG nor a JPEG";
        return what.starts_with(start) ? what.substr(start.size()) : "not expected: " + what;
    };
    CHECK(told("") == ": the file is empty");
    CHECK(told("\0\0\0\0"sv) == ": all bytes of the file are 0");
    CHECK(told("\0\0\0\1"sv) == "");
    CHECK(told("\x89PNG\n\x1A\n\0\0\0\x0DIHDR"sv) == ": a PNG that was copied as text: its line ends changed");
    CHECK(told("\x89PNG\r\r\n\x1A\r\n"sv) == ": a PNG that was copied as text: its line ends changed");
    CHECK(told("\x89PNG"sv) == ": the file is cut off");
    CHECK(told("\xFF\xD8"sv) == ": the file is cut off");
    CHECK(told("\xFF\xD8 and other bytes") == "");
    CHECK(told("<!DOCTYPE html><title>404") == "; it looks like a web page: the download failed");
    CHECK(told("\xEF\xBB\xBF<html>") == "; it looks like a web page: the download failed");
    CHECK(told("<?xml version=\"1.0\"?><svg>") == "; it looks like an SVG");
    CHECK(told("\n\n<html><svg>") == "; it looks like a web page: the download failed");
    CHECK(told("<?xml version=\"1.0\"?><Error>") == "; it looks like XML, such as a server's error message");
    CHECK(told("version https://git-lfs.github.com/spec/v1") ==
          "; it looks like a pointer of Git LFS: run git lfs pull");
    CHECK(told("this is text") == "; it looks like text");
    CHECK(told("<a/>") == "; it looks like text");
    CHECK(told("\xC3\xA9t\xC3\xA9\n") == "; it looks like text");
    CHECK(told("\n {\"error\": \"not found\"}") == "; it looks like JSON");
    CHECK(told("%PDF-1.4\n%\xE2\xE3") == "; it looks like a PDF");
    CHECK(told("\0\0\1\0\1\0"sv) == "; it looks like an icon (.ico)");
    CHECK(told("\0\0\0\x18"
               "ftypmp42\0\0\0\0mp42isom"sv) == "; it looks like a video (MP4, QuickTime)");
    CHECK(told("iVBORw0KGgoAAAANSUhEUg") == "; it looks like an image in Base64");
    CHECK(told("\n\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"sv) == ": an image begins after 1 other byte");
    CHECK(told("\r\n\xFF\xD8\xFF\xE0\0\x10JFIF"sv) == ": an image begins after 2 other bytes");
}

TEST_CASE("decode_image: an option out of range is an error") {
    for (const unsigned bits : {1u, 7u, 17u})
        CHECK(message<ArgumentError>([&] {
                  static_cast<void>(image::decode_image(samples::png({}), 1, "x.png", {}, {.significant_bits = bits}));
              }) == "decode_image: significant_bits: expected 0 or 8 to 16, got " + std::to_string(bits));
    CHECK(message<ArgumentError>([&] {
              static_cast<void>(
                  image::decode_image(samples::progressive_jpeg(), 1, "x.jpg", {}, {.significant_bits = 3}));
          }) == "decode_image: significant_bits: expected 0 or 8 to 16, got 3");
    for (const std::size_t channels : {0u, 2u, 4u})
        for (const Bytes& file : {samples::png({}), samples::progressive_jpeg()})
            CHECK(message<ArgumentError>([&] { static_cast<void>(image::decode_image(file, channels, "x")); }) ==
                  "decode_image: channels: expected 1 or 3, got " + std::to_string(channels));
}

TEST_CASE("decode_image: the orientation is ignored on request") {
    Bytes exif{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0};
    const samples::PngSpec spec{5, 3, 8, 0, false};
    const Bytes png = samples::png_of(samples::ihdr(spec), samples::chunk("eXIf", exif),
                                      samples::chunk("IDAT", samples::zlib(samples::rows(spec))), samples::iend());
    const Pixels upright = image::decode_image(png, 1, "x.png"),
                 stored = image::decode_image(png, 1, "x.png", {}, {.exif_orientation = false});
    CHECK((upright.width == 3 && upright.height == 5 && stored.width == 5 && stored.height == 3));
    CHECK(stored.at(2, 0)[0] == upright.at(0, 0)[0]);
    CHECK(stored.at(0, 0)[0] == upright.at(0, 2)[0]);
}

TEST_CASE("decode_image: an error in the coded data of a JPEG says where, and how much is there") {
    Bytes file = baseline_jpeg(64, 64, 1);
    const auto header = [&] {
        std::size_t at = 2;
        while (!(file[at] == 0xFF && file[at + 1] == 0xDA)) ++at;
        return at + 2 + file[at + 3];
    }();
    for (std::size_t at = header + 40; at < header + 60; at += 2) {  // 16 ones are no code; 00 follows each FF
        file[at] = 0xFF;
        file[at + 1] = 0;
    }
    std::uint64_t offset = 0;
    const std::string text = message<FormatError>([&] {
        try {
            static_cast<void>(image::decode_image(file, 1, "x.jpg"));
        } catch (const FormatError& e) {
            offset = e.offset();
            throw;
        }
    });
    CHECK(contains(text, "JPEG: scan 1 has an invalid code"));
    CHECK((offset > header + 40 && offset <= header + 60));
}

TEST_CASE("decode_image: the host's limits apply to the size of an image, not a constant of stb") {
    const samples::PngSpec wide{20000, 64, 8, 0, false};
    const Bytes file = samples::png(wide);
    ReadLimits limits;
    limits.image_side = 19999;
    CHECK(message<FormatError>([&] { return image::decode_image(file, 1, "wide.png", limits); }) ==
          "wide.png @16: image: 20000 x 64 is more than the limits of 19999 a side and 178956970 pixels");
    limits.image_side = 30000;
    const Pixels image = image::decode_image(file, 1, "wide.png", limits);
    CHECK(image.width == 20000);
    CHECK(image.height == 64);
    CHECK(image.at(63, 19999)[0] == wide.value(19999, 63, 0));
}
