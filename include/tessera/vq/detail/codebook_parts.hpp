#pragma once
// What a Codebook has in place of policies that it does not have, and the messages for those that do not fit together.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/vq/codebook_options.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

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

// The members that every learning policy has (vq/policy/policies.hpp); add_gradient only where by_gradient is true.
template <class L, class T>
concept LearnsVectors = requires(const typename L::Params& params, typename L::Params& to_params,
                                 const typename L::Buffers& buffers, typename L::Buffers& to_buffers,
                                 const CodebookOptions& options, typename L::Packed& packed, Rng& rng,
                                 typename L::Cache& cache, typename L::Statistics& statistics, std::span<T> e,
                                 std::span<const T> x, std::span<const Token> chosen, const BatchPart& part,
                                 std::string_view name, std::span<const std::string> missing) {
    requires std::same_as<decltype(L::by_gradient), const bool>;
    requires std::same_as<decltype(L::averages), const bool>;
    requires std::same_as<decltype(L::revives), const bool>;
    requires std::same_as<decltype(L::initializes), const bool>;
    L::init(to_params, to_buffers, rng);
    L::vectors(params, buffers, options, packed, e);
    L::observe(packed, x, chosen, std::size_t{1}, part, rng, true, cache, statistics);
    L::update(to_params, to_buffers, statistics, options);
    L::initialize_from_data(to_params, to_buffers, x, options, rng);
    { L::optional_in_file(name) } -> std::same_as<bool>;
    requires noexcept(L::fill_missing(to_params, to_buffers, missing));
    requires !L::by_gradient || requires { L::add_gradient(packed, chosen, x, cache, to_params); };
};

// Each assertion is in a separate class: clang finds no member of a class whose static_assert has failed.
template <bool Whole>
struct LearningIsWhole {
    static_assert(Whole,
                  "Codebook: a member of the learning policy is missing or cannot be called: by_gradient, averages, "
                  "revives, initializes, init, vectors, observe, update, initialize_from_data, optional_in_file, "
                  "fill_missing (noexcept) and, with by_gradient, add_gradient are in vq/policy/policies.hpp");
};
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
