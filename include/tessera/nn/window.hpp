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
    // A window that does not fit gives 1: the static_assert of the layer speaks, and no error follows from 2^64 - 1.
    constexpr std::size_t out(std::size_t n) const { return fits(n) ? (n + 2 * pad - size) / stride + 1 : 1; }
    constexpr bool grows(std::size_t n) const { return valid() && n > 0 && (n - 1) * stride + size > 2 * pad; }
    constexpr std::size_t up(std::size_t n) const { return grows(n) ? (n - 1) * stride + size - 2 * pad : 1; }
};

inline constexpr Window down2{.size = 4, .stride = 2, .pad = 1};  ///< half the height and width
inline constexpr Window up2 = down2;                              ///< twice, in a transposed convolution
inline constexpr Window same3{.size = 3, .stride = 1, .pad = 1};  ///< 3 x 3, the same height and width
inline constexpr Window pointwise{};                              ///< 1 x 1
inline constexpr Window pool2{.size = 2, .stride = 2};            ///< 2 x 2 without overlap

/// Whether a layer adds a bias; PyTorch's `bias=` argument.
enum class Bias : bool { none = false, with = true };
inline constexpr Bias no_bias = Bias::none;

}  // namespace tessera::nn
