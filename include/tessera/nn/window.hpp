#pragma once
// Window: the square that a convolution or a pooling moves over an image, and the usual ones by name.
//
//     out(n) = (n + 2 pad - size) / stride + 1        (convolution, pooling)
//     up(n)  = (n - 1) stride - 2 pad + size          (transposed convolution)

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

struct Window {
    std::size_t size = 1;
    std::size_t stride = 1;
    std::size_t pad = 0;

    constexpr bool valid() const { return size > 0 && stride > 0 && pad < size; }
    constexpr bool fits(std::size_t n) const { return valid() && n + 2 * pad >= size; }
    // 1 where the window does not fit: then only the assertion of the layer reports it, and no follow-up errors
    // about a size of 2^64 - 1.
    constexpr std::size_t out(std::size_t n) const { return fits(n) ? (n + 2 * pad - size) / stride + 1 : 1; }
    constexpr bool grows(std::size_t n) const { return valid() && n > 0 && (n - 1) * stride + size > 2 * pad; }
    constexpr std::size_t up(std::size_t n) const { return grows(n) ? (n - 1) * stride + size - 2 * pad : 1; }
};

// Named after what becomes of height and width, and the size of the window.
inline constexpr Window halve4{.size = 4, .stride = 2, .pad = 1};
inline constexpr Window halve2{.size = 2, .stride = 2};  ///< without overlap, for pooling
inline constexpr Window keep3{.size = 3, .stride = 1, .pad = 1};
inline constexpr Window keep1{};
inline constexpr Window double4 = halve4;  ///< in a transposed convolution

}  // namespace tessera::nn
