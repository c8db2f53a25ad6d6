#pragma once
// StraightThrough: estimator policy of a Codebook: the gradient of q is that of z.
//
//     dz = dq                (Bengio, Leonard, Courville 2013, arXiv:1308.3432; van den Oord et al. 2017, sec. 3.2)

#include <tessera/vq/policy/policies.hpp>

namespace tessera::inline TESSERA_ABI::vq {

struct StraightThrough {
    using category = EstimatorPolicy;
    static constexpr bool moves_vectors = false, changes_output = false, selects = false;
};

}  // namespace tessera::vq
