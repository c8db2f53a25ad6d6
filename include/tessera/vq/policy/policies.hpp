#pragma once
// Policies: the parts of which a Codebook is composed. `Codebook<512, vq::Gradient, vq::RotationTrick, vq::Cosine>`
//
//     category     default               others
//     learning     vq::Ema               vq::Gradient, vq::Fixed, vq::SimVq, vq::Bridge<Layers...>
//     distance     vq::Euclidean         vq::Cosine
//     estimator    vq::StraightThrough   vq::RotationTrick, vq::DiVeQ, vq::SpaceFillingDiVeQ
//     selection    vq::Nearest           vq::TemperatureSampling
//     terms        none                  vq::Orthogonal, vq::Diversity
//
// A policy is a type with a member `category`; the codebook finds each category by it, so their order does not matter,
// and a user's policy can replace those of the first four categories. Those that are not the default are included
// by name: <tessera/vq/policy/gradient.hpp>.
//
// Members of each category; x are the rows that the search compares, after the distance policy has changed them:
//
//   LearningPolicy     template Of<K, D, T>: where the vectors e are, and how they learn
//       by_gradient                               true: the optimiser changes them, and add_gradient exists
//       averages                                  true: they are moving averages; options.ema is theirs
//       revives                                   true: unused vectors are revived, and options.revive counts
//       initializes                               true: k-means initialises them, unless options.kmeans is false
//       Params, Buffers, Packed, Cache, Statistics
//       init(params, buffers, rng)
//       vectors(params, buffers, options, packed, e)
//                                                 writes e [K, D], and to packed what add_gradient and observe read
//       add_gradient(packed, tokens, de, cache, grad)
//                                                 ADDS the gradient of the chosen vectors, one row per token
//       observe(packed, x, tokens, tokens of a sample, part, rng, revives, cache, statistics)
//                                                 skips a row whose token is no_token
//       update(params, buffers, statistics, options)
//       initialize_from_data(params, buffers, x, options, rng)
//       optional_in_file(name)
//       fill_missing(params, buffers, missing)    noexcept
//   DistancePolicy
//       normalises                                true: the search compares directions; then there are
//       normalise_row(width, x, y)                returns 1 / |x|
//       backward_row(width, y, dy, 1 / |x|, dx)
//   EstimatorPolicy
//       moves_vectors                             true: backward gives de, in place of codebook and commitment terms
//       backward_row(width, x, e, q, dq, dx, de)  of one row
//       changes_output                            true: in training, training_row writes q in place of e
//       training_row(width, x, e, rng, noise, q)
//       selects                                   true: it has Cache{next, de_next}, forward and backward for all rows,
//                                                 and order(K, width, e) after k-means
//   SelectionPolicy
//       draws                                     true: the token of a row in training is drawn; then there are
//       Buffers{updates}
//       temperature(buffers, options)
//       draw(codes, temperature, x, tokens of a sample, rng, first sample, tokens, scores)
//   TermPolicy         further terms of the loss: vq::Orthogonal and vq::Diversity only
//
// Errors   static_assert where a type has no category, two have the same, or two do not fit together

#include <tessera/core/abi.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

struct LearningPolicy {};
struct DistancePolicy {};
struct EstimatorPolicy {};
struct SelectionPolicy {};
struct TermPolicy {};

namespace detail {

template <class P>
concept HasCategory = requires {
    typename P::category;
};
template <class P, class Category>
inline constexpr bool is_of = false;
template <HasCategory P, class Category>
inline constexpr bool is_of<P, Category> = std::same_as<typename P::category, Category>;

template <class Category, class Default, class... P>
struct first_of {
    using type = Default;
};
template <class Category, class Default, class P, class... Rest>
struct first_of<Category, Default, P, Rest...> : first_of<Category, Default, Rest...> {};
template <class Category, class Default, class P, class... Rest>
    requires is_of<P, Category>
struct first_of<Category, Default, P, Rest...> {
    using type = P;
};

template <class Category, class... P>
inline constexpr std::size_t count_of = (std::size_t{is_of<P, Category>} + ... + 0);

// Each assertion is in a separate class: clang finds no member of a class whose static_assert has failed.
template <class P>
inline constexpr bool is_policy = is_of<P, LearningPolicy> || is_of<P, DistancePolicy> || is_of<P, EstimatorPolicy> ||
                                  is_of<P, SelectionPolicy> || is_of<P, TermPolicy>;
template <class... P>
struct PoliciesHaveCategories {
    static_assert((is_policy<P> && ...),
                  "Codebook: a policy has no member `category`: see vq/policy/policies.hpp for those that there are");
};
template <class... P>
struct PoliciesAreUnique {
    static_assert(count_of<LearningPolicy, P...> <= 1 && count_of<DistancePolicy, P...> <= 1 &&
                      count_of<EstimatorPolicy, P...> <= 1 && count_of<SelectionPolicy, P...> <= 1,
                  "Codebook: two policies of one category");
};

}  // namespace detail

template <class... P>
struct Policies {
    static_assert(sizeof(detail::PoliciesHaveCategories<P...>) > 0 && sizeof(detail::PoliciesAreUnique<P...>) > 0);

    template <class Category, class Default>
    using Find = typename detail::first_of<Category, Default, P...>::type;
    /// Policy, as a name that is looked up only where the codebook is instantiated: its header may come later.
    template <class Policy>
    using Dependent = typename detail::first_of<TermPolicy, Policy>::type;
    static constexpr std::size_t term_count = detail::count_of<TermPolicy, P...>;
    template <class Policy>
    static constexpr bool has = (std::same_as<P, Policy> || ...);
};

}  // namespace tessera::vq
