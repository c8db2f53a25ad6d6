#include <tessera/io/dtype.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

using namespace tessera::io;

static_assert(info(dtype_of<float>).name == "F32" && info(dtype_of<double>).name == "F64");
static_assert(info(dtype_of<std::uint16_t>).name == "U16" && info(dtype_of<std::int64_t>).name == "I64");
static_assert(dtype_named("BF16") == Dtype::bf16 && dtype_named("C64") == Dtype::c64);
static_assert(!dtype_named("f32") && !dtype_named("F9") && !dtype_named(""));

template <class... T>
constexpr bool sizes_agree = ((info(dtype_of<T>).bits == 8 * sizeof(T)) && ...);

TEST_CASE("Dtype: dtype_named finds every name, and sizes match the C++ types") {
    for (std::size_t i = 0; i < dtypes.size(); ++i) CHECK(dtype_named(dtypes[i].name) == static_cast<Dtype>(i));
    CHECK(sizes_agree<float, double, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t,
                      std::int64_t>);
}

TEST_CASE("Dtype: every type has the bits that the safetensors package 0.8 gives it") {
    const std::pair<std::string_view, std::size_t> table[] = {
        {"F4", 4},      {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"BOOL", 8}, {"U8", 8},   {"I8", 8},
        {"F8_E5M2", 8}, {"F8_E4M3", 8},     {"F8_E8M0", 8},     {"I16", 16}, {"U16", 16}, {"F16", 16},
        {"BF16", 16},   {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I32", 32}, {"U32", 32}, {"F32", 32},
        {"C64", 64},    {"F64", 64},        {"I64", 64},        {"U64", 64},
    };
    CHECK(std::size(table) == dtypes.size());
    for (const auto& row : table) {
        CAPTURE(row.first);
        REQUIRE(dtype_named(row.first));
        CHECK(info(*dtype_named(row.first)).bits == row.second);
    }
}
