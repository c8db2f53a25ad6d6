#include <tessera/io/float16.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

using namespace tessera;

namespace {

struct Case {
    std::uint16_t bits;
    double value;
};

/// By the definition: sign 2^(exponent - bias) (1 + mantissa / 2^M), without the 1 for the smallest exponent.
double by_definition(std::uint64_t bits, int e, int m) {
    const int bias = (1 << (e - 1)) - 1, exponent = static_cast<int>(bits >> m & ((1u << e) - 1));
    const double mantissa = std::ldexp(static_cast<double>(bits & ((1u << m) - 1)), -m);
    const double size = exponent == 0 ? std::ldexp(mantissa, 1 - bias) : std::ldexp(1 + mantissa, exponent - bias);
    return bits >> (e + m) & 1 ? -size : size;
}

}  // namespace

TEST_CASE("Float16: hand-computed values, including subnormals") {
    for (const Case c :
         {Case{0x3C00, 1}, Case{0xC000, -2}, Case{0x7BFF, 65504}, Case{0x0400, 0x1p-14}, Case{0x03FF, 0x1.ff8p-15},
          Case{0x0001, 0x1p-24}, Case{0x8001, -0x1p-24}, Case{0x3555, 0.333251953125}, Case{0x0000, 0}}) {
        CAPTURE(c.bits);
        CHECK(io::widened<float>(io::Float16{c.bits}) == static_cast<float>(c.value));
        CHECK(io::widened<double>(io::Float16{c.bits}) == c.value);
    }
    CHECK(std::signbit(io::widened<float>(io::Float16{0x8000})));
    CHECK(io::widened<float>(io::Float16{0x7C00}) == std::numeric_limits<float>::infinity());
    CHECK(io::widened<double>(io::Float16{0xFC00}) == -std::numeric_limits<double>::infinity());
    CHECK(std::isnan(io::widened<float>(io::Float16{0x7E01})));
}

TEST_CASE("BFloat16: hand-computed values, including subnormals") {
    for (const Case c : {Case{0x3F80, 1}, Case{0xC000, -2}, Case{0x7F7F, 0x1.fep127}, Case{0x0080, 0x1p-126},
                         Case{0x0001, 0x1p-133}, Case{0x8001, -0x1p-133}, Case{0x3EAB, 0.333984375}}) {
        CAPTURE(c.bits);
        CHECK(io::widened<double>(io::BFloat16{c.bits}) == c.value);
        CHECK(std::bit_cast<std::uint32_t>(io::widened<float>(io::BFloat16{c.bits})) == std::uint32_t{c.bits} << 16);
    }
    CHECK(std::isnan(io::widened<double>(io::BFloat16{0xFF81})));
}

TEST_CASE("Float16 and BFloat16: every finite number matches the definition") {
    std::string wrong;
    for (std::uint32_t i = 0; i <= 0xFFFF; ++i) {
        const auto bits = static_cast<std::uint16_t>(i);
        if ((bits >> 10 & 31) != 31 && io::widened<double>(io::Float16{bits}) != by_definition(bits, 5, 10))
            wrong += " F16 " + std::to_string(bits);
        if ((bits >> 7 & 255) != 255 && io::widened<double>(io::BFloat16{bits}) != by_definition(bits, 8, 7))
            wrong += " BF16 " + std::to_string(bits);
        if (wrong.size() > 200) break;
    }
    CHECK(wrong == "");
}

TEST_CASE("widened: a float in double, including subnormals") {
    for (const float x : {1.5f, -0x1p-149f, 0x1.fffffcp-127f, 0.f, 3.4e38f, 0x1p-126f})
        CHECK(io::widened<double>(x) == static_cast<double>(x));
    CHECK(io::widened<float>(0x1p-149f) == 0x1p-149f);
    CHECK(std::isinf(io::widened<double>(std::numeric_limits<float>::infinity())));
}
