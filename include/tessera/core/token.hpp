#pragma once
// Token: the index of a codebook vector, or of any other entry of a vocabulary.
//
// It has 32 bits, because quantizers without a learned codebook have vocabularies of 65,536 and more.

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

using Token = std::uint32_t;

/// The absent token, which is in no vocabulary: a row without a nearest vector, a target that the loss ignores
/// (PyTorch's ignore_index).
inline constexpr Token no_token = 0xFFFFFFFF;

}  // namespace tessera
