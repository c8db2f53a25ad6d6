#pragma once
// Euclidean: distance policy of a Codebook: the nearest vector is that of the least |z - e_k|^2.

#include <tessera/vq/policy/policies.hpp>

namespace tessera::inline TESSERA_ABI::vq {

struct Euclidean {
    using category = DistancePolicy;
    static constexpr bool normalises = false;
};

}  // namespace tessera::vq
