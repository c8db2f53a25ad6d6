#pragma once
// What a Codebook has in place of policies that it does not have, and the messages for those that do not fit together.

#include <tessera/core/param.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

struct Orthogonal;
struct Diversity;

namespace detail {

// vq::Orthogonal computes K^2 products.
inline constexpr std::size_t most_orthogonal_codes = 4096;

// Stands for a policy that the codebook does not have: its parts are empty.
struct NoTerm {
    template <std::size_t K, class T>
    using Buffers = Empty;
    template <std::size_t K>
    using Statistics = Empty;
    template <class T>
    using Packed = Empty;
    template <class T>
    using Cache = Empty;
};

// Each assertion is in a separate class: clang finds no member of a class whose static_assert has failed.
template <bool Fits>
struct EstimatorFitsLearning {
    static_assert(Fits,
                  "Codebook: this estimator moves the vectors by their gradient: it needs vq::Gradient, vq::SimVq or "
                  "vq::Bridge");
};
template <bool Fits>
struct CurveFitsLearning {
    static_assert(Fits,
                  "Codebook: vq::SpaceFillingDiVeQ needs vq::Gradient, vq::Euclidean, vq::Nearest and at least two "
                  "vectors");
};
template <bool Known>
struct TermsAreKnown {
    static_assert(Known, "Codebook: the policies of terms are vq::Orthogonal and vq::Diversity");
};
template <bool Fits>
struct OrthogonalFits {
    static_assert(Fits, "Codebook: vq::Orthogonal needs vq::Gradient and at most 4096 vectors");
};

}  // namespace detail

}  // namespace tessera::vq
