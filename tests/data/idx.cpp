#include <tessera/data/idx.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <array>
#include <string>
#include <string_view>

using namespace tessera;
using support::message;

namespace {

Bytes idx3() {
    Bytes file{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3};
    for (unsigned char i = 10; i < 16; ++i) file.push_back(i);
    return file;
}
std::string idx_reason(ByteView file) {
    return message<FormatError>([&] { static_cast<void>(data::parse_idx<3>(file, "x.idx")); });
}
std::string idx_reason_with(std::size_t at, unsigned char value) {
    Bytes file = idx3();
    file[at] = value;
    return idx_reason(file);
}

}  // namespace

TEST_CASE("parse_idx: reads dimensions and values") {
    const Bytes file = idx3();
    const data::Idx<3> idx = data::parse_idx<3>(file, "x.idx");
    CHECK(idx.dims == std::array<std::size_t, 3>{2, 1, 3});
    CHECK((idx.values.size() == 6 && idx.values[5] == 15));
    const Bytes labels{0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    CHECK(data::parse_idx<1>(labels, "x.idx").values[1] == 9);
}

TEST_CASE("parse_idx: a file truncated at any length is an error, and says how much it has") {
    const Bytes good = idx3();
    for (std::size_t length = 0; length < good.size(); ++length) {
        const std::string expected = length < 16
                                         ? "x.idx @" + std::to_string(length) + ": IDX header: expected 16, got " +
                                               std::to_string(length) + " bytes"
                                         : "x.idx @" + std::to_string(length) + ": IDX length: expected 22, got " +
                                               std::to_string(length) + " bytes: the file has " +
                                               std::to_string((length - 16) / 3) + " whole of 2";
        CHECK(idx_reason(ByteView{good}.first(length)) == expected);
    }
}

TEST_CASE("parse_idx: a few bytes after the array are counted; where they are whole images the header counts too few") {
    Bytes file = idx3();
    for (std::size_t surplus = 1; surplus < 3; ++surplus) {
        file.push_back('\n');
        const auto idx = data::parse_idx<3>(file, "x.idx");
        CHECK((idx.values.size() == 6 && idx.values[5] == 15 && idx.surplus == surplus));
    }
    file.push_back(0);
    CHECK(idx_reason(file) == "x.idx @4: IDX length: expected 22, got 25 bytes: the header counts 2, the file has 3");
    Bytes labels{0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    labels.resize(10 + 63);
    CHECK(data::parse_idx<1>(labels, "x.idx").surplus == 63);
    labels.resize(10 + 64);
    CHECK(message<FormatError>([&] { static_cast<void>(data::parse_idx<1>(labels, "x.idx")); }) ==
          "x.idx @4: IDX length: expected 10, got 74 bytes: the header counts 2, the file has 66");
}

TEST_CASE("parse_idx: a message says what another file looks like") {
    const auto looks = [](std::string_view text) {
        const std::string reason = idx_reason(Bytes{text.begin(), text.end()});
        const std::string begin = "x.idx @0: IDX: the first two bytes must be zero";
        return reason.starts_with(begin) ? reason.substr(begin.size()) : reason;
    };
    using namespace std::string_view_literals;
    CHECK(looks("\x1F\x8B\x08\0"sv) == "; it looks like a gzip file");
    CHECK(looks("PK\x03\x04"sv) == "; it looks like a zip archive: unpack it first");
    CHECK(looks("\x93NUMPY\x01\0"sv) == "; it looks like a NumPy array (.npy)");
    CHECK(looks("\x89PNG\r\n\x1A\n"sv) == "; it looks like an image");
    CHECK(looks("\xEF\xBB\xBF<html>"sv) == "; it looks like a web page: the download failed");
    CHECK(looks("tab\tand\r\nlines"sv) == "; it looks like text");
    CHECK(looks("\x01\0"sv) == "");
    CHECK(looks("\xFF\xD8\xFF\xE0"sv) == "; it looks like an image");
    CHECK(looks("<html>"sv) == "; it looks like a web page: the download failed");
    CHECK(looks("version https://git-lfs.github.com/spec/v1\n"sv) ==
          "; it looks like a pointer of Git LFS: run git lfs pull");
    CHECK(looks("label,pixel0,pixel1\n"sv) == "; it looks like text");
    CHECK(looks("\x03\x08\0\0\x02\0\0\0"sv) == "; it looks like an IDX file with the bytes of each number reversed");
    CHECK(looks("\x01\x02\x03\x04"sv) == "");
}

TEST_CASE("parse_idx: each error gives the reason and the offset") {
    CHECK(idx_reason_with(0, 1) == "x.idx @0: IDX: the first two bytes must be zero");
    CHECK(idx_reason_with(2, 13) == "x.idx @2: IDX type: expected 8 (unsigned bytes), got 13 (floats)");
    CHECK(idx_reason_with(2, 9).ends_with("got 9 (signed bytes)"));
    CHECK(idx_reason_with(2, 11).ends_with("got 11 (16-bit integers)"));
    CHECK(idx_reason_with(2, 14).ends_with("got 14 (doubles)"));
    CHECK(idx_reason_with(2, 7) == "x.idx @2: IDX type: expected 8 (unsigned bytes), got 7");
    CHECK(idx_reason_with(2, 12) == "x.idx @2: IDX type: expected 8 (unsigned bytes), got 12 (32-bit integers)");
    CHECK(idx_reason_with(3, 1) ==
          "x.idx @3: IDX rank: expected 3, got 1: an array of one dimension, like a file of labels");
    CHECK(idx_reason_with(3, 4) == "x.idx @3: IDX rank: expected 3, got 4: an array of 4 dimensions");
    CHECK(message<FormatError>([] { static_cast<void>(data::parse_idx<1>(idx3(), "x.idx")); }) ==
          "x.idx @3: IDX rank: expected 1, got 3: an array of 3 dimensions, like a file of gray images");
    CHECK(idx_reason_with(11, 0) == "x.idx @8: IDX dimension 1 is zero");
    CHECK(idx_reason_with(7, 3) == "x.idx @22: IDX length: expected 25, got 22 bytes: the file has 2 whole of 3");
    Bytes huge = idx3();
    for (std::size_t i = 4; i < 16; ++i) huge[i] = 0xFF;
    CHECK(idx_reason(huge) == "x.idx @12: IDX: the product of the dimensions does not fit in 64 bits");
    const Bytes swapped{3, 8, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6};
    CHECK(idx_reason(swapped) == "x.idx @0: IDX: the first two bytes must be zero; it looks like an IDX file with the "
                                 "bytes of each number reversed");
}
