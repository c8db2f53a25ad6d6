#pragma once
// Nearest: selection policy of a Codebook: the token of a row is its nearest vector, in training too.

#include <tessera/core/param.hpp>
#include <tessera/vq/policy/policies.hpp>

namespace tessera::inline TESSERA_ABI::vq {

struct Nearest {
    using category = SelectionPolicy;
    static constexpr bool draws = false;
    using Buffers = Empty;
};

}  // namespace tessera::vq
