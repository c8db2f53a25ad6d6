#include <tessera/files/bytes.hpp>

#include <doctest/doctest.h>

using namespace tessera;

TEST_CASE("bytes: integers are read in both byte orders") {
    const Bytes b{0xFF, 1, 2, 3, 4, 5, 6, 7, 0x88};
    CHECK(big_endian_32(b, 1) == 0x01020304);
    CHECK(little_endian_32(b, 1) == 0x04030201);
    CHECK(little_endian_64(b, 1) == 0x8807060504030201);
}

TEST_CASE("bytes: checked_product is empty on overflow") {
    constexpr std::uint64_t half = std::uint64_t{1} << 32;
    CHECK(checked_product(half, half - 1) == half * (half - 1));
    CHECK(!checked_product(half, half));
    CHECK(!checked_product(~std::uint64_t{0}, 2));
    CHECK(checked_product(0, ~std::uint64_t{0}) == 0u);
    CHECK(checked_product(~std::uint64_t{0}, 0) == 0u);
}

TEST_CASE("bytes: malformed() gives the name and the offset") {
    CHECK_THROWS_WITH_AS(malformed(FormatCode::json, "a.bin", 17, "magic: expected 1, got 2"),
                         "a.bin @17: magic: expected 1, got 2", FormatError);
}
