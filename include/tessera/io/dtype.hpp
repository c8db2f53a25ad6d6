#pragma once
// Dtype: the element types of safetensors.
//
// The size of every type is known, so a file is checked completely whatever it contains, and a tensor that no caller
// loads stops no load; only the types with a C++ type can be read and written. The types are those of the safetensors
// package 0.8 (Dtype in its tensor.rs), the micro-scaling types of 4 and 6 bits included.
//
// Errors   static_assert where dtype_of has no safetensors type for a C++ type

#include <tessera/core/abi.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tessera::inline TESSERA_ABI::io {

enum class Dtype : std::uint8_t {
    f32,
    f64,
    f16,
    bf16,
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    u64,
    i64,
    boolean,
    f8_e4m3,
    f8_e5m2,
    c64,
    f8_e8m0,
    f8_e4m3_fnuz,
    f8_e5m2_fnuz,
    f6_e2m3,
    f6_e3m2,
    f4
};

struct DtypeInfo {
    std::string_view name;
    std::size_t bits;
};

/// In the order of Dtype.
inline constexpr std::array<DtypeInfo, 22> dtypes{
    {{"F32", 32},        {"F64", 64},    {"F16", 16},    {"BF16", 16}, {"U8", 8},      {"I8", 8},
     {"U16", 16},        {"I16", 16},    {"U32", 32},    {"I32", 32},  {"U64", 64},    {"I64", 64},
     {"BOOL", 8},        {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"C64", 64},  {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
     {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}}};

constexpr const DtypeInfo& info(Dtype type) { return dtypes[static_cast<std::size_t>(type)]; }

constexpr std::optional<Dtype> dtype_named(std::string_view name) {
    for (std::size_t i = 0; i < dtypes.size(); ++i)
        if (dtypes[i].name == name) return static_cast<Dtype>(i);
    return std::nullopt;
}

template <class T>
inline constexpr Dtype dtype_of = []() -> Dtype {
    static_assert(sizeof(T) == 0, "dtype_of: no safetensors type for this C++ type");
    return {};
}();
template <>
inline constexpr Dtype dtype_of<float> = Dtype::f32;
template <>
inline constexpr Dtype dtype_of<double> = Dtype::f64;
template <>
inline constexpr Dtype dtype_of<std::uint8_t> = Dtype::u8;
template <>
inline constexpr Dtype dtype_of<std::uint16_t> = Dtype::u16;
template <>
inline constexpr Dtype dtype_of<std::uint32_t> = Dtype::u32;
template <>
inline constexpr Dtype dtype_of<std::uint64_t> = Dtype::u64;
template <>
inline constexpr Dtype dtype_of<std::int32_t> = Dtype::i32;
template <>
inline constexpr Dtype dtype_of<std::int64_t> = Dtype::i64;

}  // namespace tessera::io
