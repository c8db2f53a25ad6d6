#include <tessera/image/file_type.hpp>

#include <doctest/doctest.h>

#include <image/jpeg_samples.hpp>
#include <image/png_builder.hpp>

#include <set>
#include <string>
#include <string_view>

using namespace tessera;
using image::FileType;
using namespace std::string_view_literals;

namespace {
std::string type_of(std::string_view start, std::size_t size = 64) {
    Bytes bytes(start.begin(), start.end());
    if (bytes.size() < size) bytes.resize(size);
    return std::string{image::name_of(image::file_type(bytes))};
}
}  // namespace

TEST_CASE("file_type: the first bytes of each format give its name") {
    CHECK(image::file_type(samples::png({})) == FileType::png);
    CHECK(image::file_type(samples::progressive_jpeg()) == FileType::jpeg);
    struct Case {
        std::string_view start, type;
    };
    for (const Case& c : {Case{"\x89PNG\r\n\x1A\n"sv, "PNG"},
                          {"\xFF\xD8\xFF\xE1"sv, "JPEG"},
                          {"\xFF\xD8\xFF\xDB"sv, "JPEG"},
                          {"\xFF\xD8\0\0\0\0\0\0\0\xFF\xDB"sv, "JPEG"},
                          {"GIF87a"sv, "GIF"},
                          {"GIF89a"sv, "GIF"},
                          {"RIFF\x10\0\0\0WEBPVP8 "sv, "WebP"},
                          {"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"sv, "BMP"},
                          {"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x7C\0\0\0"sv, "BMP"},
                          {"II*\0\x08\0\0\0"sv, "TIFF"},
                          {"MM\0*\0\0\0\x08"sv, "TIFF"},
                          {"II+\0"sv, "TIFF"},
                          {"MM\0+"sv, "TIFF"},
                          {"\0\0\0\x18"
                           "ftypheic\0\0\0\0mif1heic"sv,
                           "HEIC"},
                          {"\0\0\0\x18"
                           "ftypmif1\0\0\0\0mif1heic"sv,
                           "HEIC"},
                          {"\0\0\0\x1C"
                           "ftypmif1\0\0\0\0mif1avifmiaf"sv,
                           "AVIF"},
                          {"\0\0\0\x18"
                           "ftypavif\0\0\0\0avifmif1"sv,
                           "AVIF"},
                          {"\xFF\x0A"sv, "JPEG XL"},
                          {"\0\0\0\x0CJXL \r\n\x87\n"sv, "JPEG XL"},
                          {"\0\0\0\x0CjP  \r\n\x87\n"sv, "JPEG 2000"},
                          {"\xFF\x4F\xFF\x51"sv, "JPEG 2000"},
                          {"P6\n1 1\n255\n"sv, "Netpbm"},
                          {"P5 1 1 255 "sv, "Netpbm"},
                          {"8BPS\0\1"sv, "PSD"}})
        CHECK_MESSAGE(type_of(c.start) == c.type, "bytes of ", std::string{c.type});
}

TEST_CASE("file_type: what only resembles a format is unknown, and no length is too short") {
    for (const std::string_view start :
         {""sv, "\x89PNG"sv, "\xFF\xD8"sv, "\xFF\xD8\0\0\1\xFF\xDB"sv, "GIF88a"sv, "RIFF\x10\0\0\0WAVE"sv,
          "BMore words than a bitmap"sv, "P8\n"sv, "P6x"sv, "Pictures"sv,
          "\0\0\0\x18"
          "ftypisom\0\0\0\0mp42qt  "sv,
          "\0\0\0\x10"
          "ftypisom\0\0\0\0heic"sv,  // a brand after the end of the box
          "<svg xmlns"sv})
        CHECK_MESSAGE(type_of(start) == "unknown", std::string{start});
    const Bytes png = samples::png({}), jpeg = samples::progressive_jpeg();
    for (std::size_t n = 0; n < 8; ++n) CHECK(image::file_type(ByteView{png}.first(n)) == FileType::unknown);
    for (std::size_t n = 0; n < 3; ++n) CHECK(image::file_type(ByteView{jpeg}.first(n)) == FileType::unknown);
    const std::string_view heic = "\0\0\0\x18"
                                  "ftypheic\0\0\0\0mif1heic"sv;
    for (std::size_t n = 0; n < heic.size(); ++n) {
        const Bytes bytes(heic.begin(), heic.begin() + static_cast<std::ptrdiff_t>(n));
        CHECK(image::file_type(bytes) == (n < 12 ? FileType::unknown : FileType::heic));
    }
}

TEST_CASE("file_type: every type has its own name, and PNG and JPEG can be decoded") {
    std::set<std::string_view> names;
    std::size_t decodable = 0;
    for (std::size_t i = 0; i < image::file_types; ++i) {
        names.insert(image::name_of(static_cast<FileType>(i)));
        decodable += image::can_decode(static_cast<FileType>(i));
    }
    CHECK(names.size() == image::file_types);
    CHECK(decodable == 2);
    CHECK(image::can_decode(FileType::jpeg));
    CHECK(image::can_decode(FileType::png));
    CHECK(image::name_of(FileType::psd) == "PSD");
    CHECK(image::name_of(static_cast<FileType>(200)) == "unknown");
}
