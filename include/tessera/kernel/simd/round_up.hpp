#pragma once
// round_up, ceil_div: sizes in whole vectors, panels and blocks.
//
//     ceil_div(n, d)   the smallest q with q d >= n
//     round_up(n, d)   ceil_div(n, d) d

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

constexpr std::size_t ceil_div(std::size_t n, std::size_t divisor) { return (n + divisor - 1) / divisor; }
constexpr std::size_t round_up(std::size_t n, std::size_t multiple) { return ceil_div(n, multiple) * multiple; }

}  // namespace tessera::kernel
