#pragma once
// Dtype: the element types of safetensors.
//
// The size of every type is known, so a file is checked completely whatever it contains; only the types with a C++ type
// can be read and written.
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
    c64
};

struct DtypeInfo {
    std::string_view name;
    std::size_t size;
};

/// In the order of Dtype.
inline constexpr std::array<DtypeInfo, 16> dtypes{{{"F32", 4},
                                                   {"F64", 8},
                                                   {"F16", 2},
                                                   {"BF16", 2},
                                                   {"U8", 1},
                                                   {"I8", 1},
                                                   {"U16", 2},
                                                   {"I16", 2},
                                                   {"U32", 4},
                                                   {"I32", 4},
                                                   {"U64", 8},
                                                   {"I64", 8},
                                                   {"BOOL", 1},
                                                   {"F8_E4M3", 1},
                                                   {"F8_E5M2", 1},
                                                   {"C64", 8}}};

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
