#pragma once
// Bias: whether a layer adds a bias; PyTorch's argument `bias=`.

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI::nn {

enum class Bias : bool { none = false, with = true };
inline constexpr Bias no_bias = Bias::none;

}  // namespace tessera::nn
