#include <tessera/files/crc32.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace tessera;

namespace {
ByteView bytes(std::string_view text) { return {reinterpret_cast<const unsigned char*>(text.data()), text.size()}; }

std::uint32_t bit_by_bit(ByteView data) {
    std::uint32_t c = 0xFFFFFFFF;
    for (const unsigned char byte : data) {
        c ^= byte;
        for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
    }
    return ~c;
}
}  // namespace

TEST_CASE("crc32: matches the check value of the standard") {
    CHECK(crc32(bytes("123456789")) == 0xCBF43926);
    CHECK(crc32({}) == 0);
}

TEST_CASE("crc32: equals the bitwise definition, also when computed in pieces") {
    Bytes data;
    bool same = true, joined = true;
    for (unsigned i = 0; i < 100; ++i) {
        same = same && crc32(data) == bit_by_bit(data);
        for (std::size_t cut = 0; cut <= data.size(); ++cut)
            joined = joined && crc32(ByteView{data}.subspan(cut), crc32(ByteView{data}.first(cut))) == crc32(data);
        data.push_back(static_cast<unsigned char>(i * 37 + 11));
    }
    CHECK(same);
    CHECK(joined);
}
