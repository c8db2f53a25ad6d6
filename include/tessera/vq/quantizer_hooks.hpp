#pragma once
// HooksAreCallable: the optional members of a quantizer (vq/quantizer.hpp) as calls that do nothing where it has none.
//
// A member that has the name of one but cannot be called as the contract says is a compile error that states the
// signature: a hook that is never called is a bug that no test of its author sees.
//
// Errors   static_assert where a member with the name of a hook cannot be called as the contract says
//
// Over 250 lines: for each optional member its detection, its signature and its call.

#include <tessera/core/option_hooks.hpp>
#include <tessera/core/with_name.hpp>
#include <tessera/vq/detail/visit_terms.hpp>
#include <tessera/vq/quantizer.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq {

template <class Q>
concept Regularizes = requires(const typename Q::Packed& w, View<const typename Q::Scalar, typename Q::Input> z,
                               View<const Token, TokenShape<Q>> tokens,
                               View<const typename Q::Scalar, typename Q::Output> q,
                               View<typename Q::Scalar, typename Q::Input> dz, typename Q::Cache& cache,
                               typename Q::Params& grad) {
    { Q::regularize(w, z, tokens, q, dz, cache, grad, 1.0) } -> std::same_as<typename Q::Terms>;
};

template <class Q>
concept HasPackBatch = requires(View<const typename Q::Scalar, typename Q::Input> z, typename Q::Packed& packed,
                                typename Q::Cache& cache) {
    Q::pack_batch(z, packed, cache);
};
// A quantizer built of others has pack_batch, and says with packs_batch whether one of them does.
template <class Q>
concept SaysPacksBatch = requires {
    std::bool_constant<Q::packs_batch>{};
};
template <class Q>
constexpr bool packs_batch() {
    if constexpr (SaysPacksBatch<Q>) return Q::packs_batch;
    return HasPackBatch<Q>;
}
template <class Q>
concept PacksBatch = HasPackBatch<Q> && packs_batch<Q>();

template <class Q>
concept Observes = Parameters<typename Q::Statistics> &&
    requires(const typename Q::Packed& w, View<const typename Q::Scalar, typename Q::Input> z,
             View<const Token, TokenShape<Q>> tokens, const BatchPart& part, Rng rng, typename Q::Cache& cache,
             typename Q::Statistics& statistics, typename Q::Params& params, typename Q::Buffers& buffers,
             const typename Q::Options& options) {
    Q::observe(w, z, tokens, part, rng, cache, statistics);
    Q::update(params, buffers, std::as_const(statistics), options);
};

template <class Q>
concept InitializesFromData = requires(typename Q::Params& params, typename Q::Buffers& buffers,
                                       View<const typename Q::Scalar, typename Q::Input> z,
                                       const typename Q::Options& options, Rng rng) {
    Q::initialize_from_data(params, buffers, z, options, rng);
};

template <class Q>
concept EncodesRows = requires(const typename Q::Packed& w, View<const typename Q::Scalar, typename Q::Input> z,
                               View<Token, TokenShape<Q>> tokens, std::size_t row) {
    Q::encode_rows(w, z, tokens, row, row);
};

template <class Q>
concept FillsMissing = requires(typename Q::Params& params, typename Q::Buffers& buffers,
                                std::span<const std::string> missing, std::string_view name) {
    { Q::optional_in_file(name) } -> std::same_as<bool>;
    { Q::fill_missing(params, buffers, missing) }
    noexcept;
};

template <class Q>
concept HasCodesOf = requires {
    { Q::codes_of(std::size_t{0}) } -> std::same_as<std::size_t>;
    typename std::integral_constant<std::size_t, Q::codes_of(0)>;
};

/// The size of the vocabulary of token i of a sample.
template <class Q>
[[nodiscard]] constexpr std::size_t codes_of([[maybe_unused]] std::size_t i) {
    if constexpr (HasCodesOf<Q>)
        return Q::codes_of(i);
    else
        return Q::codes;
}

namespace detail {

struct QuantizerHookNames {
    int codes_of, regularize, Terms, pack_batch, packs_batch, observe, update, Statistics, initialize_from_data,
        encode_rows, optional_in_file, fill_missing;
};

template <class Q>
inline constexpr bool names_regularize = !requires {
    &WithName<Q, QuantizerHookNames>::regularize;
}
|| !requires { &WithName<Q, QuantizerHookNames>::Terms; };
template <class Q>
inline constexpr bool names_codes_of = !requires {
    &WithName<Q, QuantizerHookNames>::codes_of;
};
/// Each vocabulary is of 1 to codes tokens, and that of a level is the same for all positions.
template <class Q>
constexpr bool valid_codes_of() {
    if constexpr (!HasCodesOf<Q>) return true;
    for (std::size_t i = 0; i < Q::tokens; ++i) {
        const std::size_t n = vq::codes_of<Q>(i);
        if (n < 1 || n > Q::codes || n != vq::codes_of<Q>(i % tokens_per_position<Q>)) return false;
    }
    return true;
}
template <class Q>
inline constexpr bool names_pack_batch = !requires {
    &WithName<Q, QuantizerHookNames>::pack_batch;
};
template <class Q>
inline constexpr bool names_packs_batch = !requires {
    &WithName<Q, QuantizerHookNames>::packs_batch;
};
template <class Q>
inline constexpr bool names_observe = !requires {
    &WithName<Q, QuantizerHookNames>::observe;
}
|| !requires { &WithName<Q, QuantizerHookNames>::update; }
|| !requires { &WithName<Q, QuantizerHookNames>::Statistics; };
template <class Q>
inline constexpr bool names_initialize_from_data = !requires {
    &WithName<Q, QuantizerHookNames>::initialize_from_data;
};
template <class Q>
inline constexpr bool names_encode_rows = !requires {
    &WithName<Q, QuantizerHookNames>::encode_rows;
};

template <class Q>
inline constexpr bool names_fill_missing = !requires {
    &WithName<Q, QuantizerHookNames>::optional_in_file;
}
|| !requires { &WithName<Q, QuantizerHookNames>::fill_missing; };

template <class Q>
struct terms_of {
    using type = Empty;
};
template <Regularizes Q>
struct terms_of<Q> {
    using type = typename Q::Terms;
};
template <class Q>
struct statistics_of {
    using type = Empty;
};
template <Observes Q>
struct statistics_of<Q> {
    using type = typename Q::Statistics;
};

}  // namespace detail

/// Q's Terms and Statistics; Empty where it has none.
template <class Q>
using Terms = typename detail::terms_of<Q>::type;
template <class Q>
using Statistics = typename detail::statistics_of<Q>::type;

/// Fails to compile, with a message, where a quantizer has a hook that would never be called.
template <class Q>
struct HooksAreCallable {
    static_assert(!std::is_final_v<Q>, "quantizer: must not be final: its optional members could not be found");
    static_assert(!detail::names_codes_of<Q> || HasCodesOf<Q>,
                  "quantizer: codes_of: expected `static constexpr std::size_t codes_of(std::size_t token)`");
    static_assert(detail::valid_codes_of<Q>(),
                  "quantizer: codes_of: expected a number from 1 to codes, the same for one level of all positions");
    static_assert(
        !detail::names_regularize<Q> || Regularizes<Q>,
        "quantizer: regularize and Terms: expected `static Terms regularize(const Packed&, View<const T, Input> z, "
        "View<const Token, Shape<tokens>>, View<const T, Output> q, View<T, Input> dz, Cache&, Params& grad, "
        "double divisor)`, and a type Terms");
    static_assert(!detail::names_pack_batch<Q> || HasPackBatch<Q>,
                  "quantizer: pack_batch: expected `static void pack_batch(View<const T, Input> z, Packed&, Cache&)`");
    static_assert(!detail::names_packs_batch<Q> || SaysPacksBatch<Q>,
                  "quantizer: packs_batch: expected `static constexpr bool packs_batch`");
    static_assert(
        !detail::names_observe<Q> || Observes<Q>,
        "quantizer: observe, update and Statistics come together: expected `static void observe(const Packed&, "
        "View<const T, Input> z, View<const Token, Shape<tokens>>, const BatchPart&, Rng, Cache&, Statistics&)`, "
        "`static void update(Params&, Buffers&, const Statistics&, const Options&)`, and a parameter set "
        "Statistics");
    static_assert(!detail::names_initialize_from_data<Q> || InitializesFromData<Q>,
                  "quantizer: initialize_from_data: expected `static void initialize_from_data(Params&, Buffers&, "
                  "View<const T, Input> z, const Options&, Rng)`");
    static_assert(sizeof(OptionHooksAreCallable<Q>) > 0);
    static_assert(!detail::names_encode_rows<Q> || EncodesRows<Q>,
                  "quantizer: encode_rows: expected `static void encode_rows(const Packed&, View<const T, Input> z, "
                  "View<Token, Shape<tokens>>, std::size_t first, std::size_t last)`");
    static_assert(
        !detail::names_fill_missing<Q> || FillsMissing<Q>,
        "quantizer: optional_in_file and fill_missing come together: expected `static bool "
        "optional_in_file(std::string_view name)` and `static void fill_missing(Params&, Buffers&, std::span<const "
        "std::string> missing) noexcept`");
    static_assert(detail::VisitsAnyNumber<Terms<Q>>,
                  "quantizer: Terms: expected `template <class F, class... S> static void each(F&& f, S&... terms)`, "
                  "for any number of Terms, const or not");
    static_assert(detail::instantiated<&detail::visit_terms<Terms<Q>>>);
    static constexpr bool value = true;
};

template <Quantizer Q>
Terms<Q> regularize(const typename Q::Packed& w, View<const typename Q::Scalar, typename Q::Input> z,
                    View<const Token, TokenShape<Q>> tokens, View<const typename Q::Scalar, typename Q::Output> q,
                    View<typename Q::Scalar, typename Q::Input> dz, typename Q::Cache& cache, typename Q::Params& grad,
                    double divisor) {
    if constexpr (Regularizes<Q>)
        return Q::regularize(w, z, tokens, q, dz, cache, grad, divisor);
    else
        return {};
}

template <Quantizer Q>
void pack_batch(View<const typename Q::Scalar, typename Q::Input> z, typename Q::Packed& w, typename Q::Cache& cache) {
    if constexpr (PacksBatch<Q>) Q::pack_batch(z, w, cache);
}

template <Quantizer Q>
void observe(const typename Q::Packed& w, View<const typename Q::Scalar, typename Q::Input> z,
             View<const Token, TokenShape<Q>> tokens, const BatchPart& part, Rng rng, typename Q::Cache& cache,
             Statistics<Q>& statistics) {
    if constexpr (Observes<Q>) Q::observe(w, z, tokens, part, rng, cache, statistics);
}

template <Quantizer Q>
void update(typename Q::Params& params, typename Q::Buffers& buffers, const Statistics<Q>& statistics,
            const typename Q::Options& options) {
    if constexpr (Observes<Q>) Q::update(params, buffers, statistics, options);
}

template <Quantizer Q>
void initialize_from_data(typename Q::Params& params, typename Q::Buffers& buffers,
                          View<const typename Q::Scalar, typename Q::Input> z, const typename Q::Options& options,
                          Rng rng) {
    if constexpr (InitializesFromData<Q>) Q::initialize_from_data(params, buffers, z, options, rng);
}

template <Quantizer Q>
[[nodiscard]] bool optional_in_file([[maybe_unused]] std::string_view name) {
    if constexpr (FillsMissing<Q>)
        return Q::optional_in_file(name);
    else
        return false;
}
template <Quantizer Q>
void fill_missing([[maybe_unused]] typename Q::Params& params, [[maybe_unused]] typename Q::Buffers& buffers,
                  [[maybe_unused]] std::span<const std::string> missing) noexcept {
    if constexpr (FillsMissing<Q>) Q::fill_missing(params, buffers, missing);
}

/// total += part, for each named term.
template <class T>
void add_terms(T& total, const T& part) {
    T::each([](const ParamPath&, double& a, const double& b) { a += b; }, total, part);
}
template <class T>
[[nodiscard]] double sum_terms(const T& terms) {
    double sum = 0;
    T::each([&](const ParamPath&, const double& term) { sum += term; }, terms);
    return sum;
}
template <class T>
[[nodiscard]] std::size_t count_terms() {
    std::size_t count = 0;
    const T terms{};
    T::each([&](const ParamPath&, const double&) { ++count; }, terms);
    return count;
}

}  // namespace tessera::vq
