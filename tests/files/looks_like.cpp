#include <tessera/files/looks_like.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace tessera;
using namespace std::string_view_literals;

TEST_CASE("looks_like: what the first bytes of a file look like") {
    const auto told = [](std::string_view start) {
        const Bytes bytes(start.begin(), start.end());
        return looks_like(ByteView{bytes});
    };
    CHECK(told("<!DOCTYPE html>") == "; it looks like a web page: the download failed");
    CHECK(told("\xEF\xBB\xBF<html>") == "; it looks like a web page: the download failed");
    for (const std::string_view html : {"\n\r\n<!doctype HTML>"sv, "<HTML lang=en>"sv, " \t<html>"sv, "<!DOCTYP"sv,
                                        "<htm"sv, "\xEF\xBB\xBF\n<html"sv})
        CHECK_MESSAGE(told(html) == "; it looks like a web page: the download failed", html);
    CHECK(told("<?xml version=\"1.0\"?><Error>") == "; it looks like XML, such as a server's error message");
    CHECK(told("<svg xmlns=\"http://www.w3.org/2000/svg\">") == "; it looks like an SVG");
    CHECK(told("version https://git-lfs.github.com/spec/v1") ==
          "; it looks like a pointer of Git LFS: run git lfs pull");
    CHECK(told("version ") == "; it looks like a pointer of Git LFS: run git lfs pull");  // all that a reader has
    CHECK(told("PK\x03\x04\x14") == "; it looks like a zip archive: unpack it first");
    CHECK(told("\x1F\x8B\x08") == "; it looks like a gzip file");
    CHECK(told("\xFD\x37zXZ\0\0"sv) == "; it looks like an xz file: unpack it first");
    CHECK(told("BZh91AY&SY"sv) == "; it looks like a bzip2 file: unpack it first");
    CHECK(told("\x28\xB5\x2F\xFD\x24"sv) == "; it looks like a Zstandard file: unpack it first");
    CHECK(told("7z\xBC\xAF\x27\x1C\0"sv) == "; it looks like a 7z archive: unpack it first");
    CHECK(told("\x93NUMPY\x01\0"sv) == "; it looks like a NumPy array (.npy)");
    CHECK(told("\x89HDF\r\n\x1A\n") == "; it looks like an HDF5 file");
    CHECK(told("GGUF\x03\0\0\0"sv) == "; it looks like a GGUF file");
    CHECK(told("\x89PNG\r\n\x1A\n") == "; it looks like an image");
    CHECK(told("\xFF\xD8\xFF\xE0") == "; it looks like an image");
    for (const std::string_view unknown :
         {""sv, "P"sv, "versions"sv, "version 1.0 of my notes"sv, "\x1F"sv, "\0\0\x08\x03"sv, "GGU"sv, "<"sv, "<a"sv,
          "<3 of these"sv, "<head>"sv, "\n"sv, "\n\n<"sv, "x<html>"sv, "<!-- a comment -->"sv}) {
        CAPTURE(unknown);
        CHECK(told(unknown).empty());
    }
    CHECK(looks_like(std::string_view{}).empty());
}
