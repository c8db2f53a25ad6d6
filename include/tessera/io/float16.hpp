#pragma once
// Float16: IEEE binary16. With BFloat16 these are the 16-bit floating-point types of files.
//
//     widened<float>(x)      the exact value in float or double; also of a float in double
//
// They are only read and widened; nothing is computed in them. The conversion uses integers only, so neither the host's
// rounding mode nor its treatment of subnormal numbers affects it.
//
// Errors   static_assert where the target type is narrower

#include <tessera/core/abi.hpp>
#include <tessera/io/dtype.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::io {

struct Float16 {
    std::uint16_t bits = 0;
};
struct BFloat16 {
    std::uint16_t bits = 0;
};
template <>
inline constexpr Dtype dtype_of<Float16> = Dtype::f16;
template <>
inline constexpr Dtype dtype_of<BFloat16> = Dtype::bf16;

namespace detail {
/// The same number in To, from a sign, E bits of exponent and M bits of mantissa.
template <std::floating_point To, int E, int M>
constexpr To widen_bits(std::uint64_t bits) {
    using Word = std::conditional_t<sizeof(To) == 8, std::uint64_t, std::uint32_t>;
    constexpr int to_m = std::numeric_limits<To>::digits - 1, to_e = static_cast<int>(8 * sizeof(To)) - 1 - to_m;
    static_assert(to_e >= E && to_m >= M);
    constexpr std::uint64_t all_ones = (std::uint64_t{1} << E) - 1, to_all_ones = (std::uint64_t{1} << to_e) - 1;
    constexpr std::uint64_t bias = (std::uint64_t{1} << (to_e - 1)) - (std::uint64_t{1} << (E - 1));
    const std::uint64_t sign = bits >> (E + M) & 1;
    std::uint64_t exponent = bits >> M & all_ones, mantissa = bits & ((std::uint64_t{1} << M) - 1);
    if (exponent == all_ones) {
        exponent = to_all_ones;  // infinity and NaN
    } else if (exponent != 0) {
        exponent += bias;
    } else if (to_e > E && mantissa != 0) {  // subnormal in the narrow type, normal in To
        const int shift = M + 1 - static_cast<int>(std::bit_width(mantissa));
        mantissa = mantissa << shift & ((std::uint64_t{1} << M) - 1);
        exponent = bias + 1 - static_cast<std::uint64_t>(shift);
    }
    return std::bit_cast<To>(static_cast<Word>(sign << (to_e + to_m) | exponent << to_m | mantissa << (to_m - M)));
}
}  // namespace detail

/// The same number in To; every number of a narrower type is representable.
template <std::floating_point To>
constexpr To widened(Float16 x) {
    return detail::widen_bits<To, 5, 10>(x.bits);
}
template <std::floating_point To>
constexpr To widened(BFloat16 x) {
    return detail::widen_bits<To, 8, 7>(x.bits);
}
template <std::floating_point To>
constexpr To widened(float x) {
    return detail::widen_bits<To, 8, 23>(std::bit_cast<std::uint32_t>(x));
}

}  // namespace tessera::io
