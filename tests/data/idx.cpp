#include <tessera/data/idx.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <array>

using namespace tessera;
using support::message;

namespace {

Bytes idx3() {
    Bytes file{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3};
    for (unsigned char i = 10; i < 16; ++i) file.push_back(i);
    return file;
}
std::string idx_reason(ByteView file) {
    return message<FormatError>([&] { data::parse_idx<3>(file, "x.idx"); });
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

TEST_CASE("parse_idx: a file truncated at any length, or with extra bytes, is an error") {
    const Bytes good = idx3();
    for (std::size_t length = 0; length < good.size(); ++length) {
        const std::string expected = length < 16
                                         ? "x.idx @" + std::to_string(length) + ": IDX header: expected 16, got " +
                                               std::to_string(length) + " bytes"
                                         : "x.idx @" + std::to_string(length) + ": IDX length: expected 22, got " +
                                               std::to_string(length) + " bytes";
        CHECK(idx_reason(ByteView{good}.first(length)) == expected);
    }
    Bytes longer = good;
    longer.push_back(0);
    CHECK(idx_reason(longer) == "x.idx @22: IDX length: expected 22, got 23 bytes");
}

TEST_CASE("parse_idx: each error gives the reason and the offset") {
    CHECK(idx_reason_with(0, 1) == "x.idx @0: IDX: the first two bytes must be zero");
    CHECK(idx_reason_with(2, 13) == "x.idx @2: IDX type: expected 8 (unsigned byte), got 13");
    CHECK(idx_reason_with(3, 1) == "x.idx @3: IDX rank: expected 3, got 1");
    CHECK(idx_reason_with(3, 0) == "x.idx @3: IDX rank: expected 3, got 0");
    CHECK(idx_reason_with(11, 0) == "x.idx @8: IDX dimension 1 is zero");
    CHECK(idx_reason_with(7, 3) == "x.idx @22: IDX length: expected 25, got 22 bytes");
    Bytes huge = idx3();
    for (std::size_t i = 4; i < 16; ++i) huge[i] = 0xFF;
    CHECK(idx_reason(huge) == "x.idx @12: IDX: the product of the dimensions does not fit in 64 bits");
    const Bytes swapped{3, 8, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6};
    CHECK(idx_reason(swapped) == "x.idx @0: IDX: the first two bytes must be zero");
}
