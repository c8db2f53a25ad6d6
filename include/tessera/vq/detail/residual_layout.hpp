#pragma once
// The types of ResidualVq that depend on its levels, and where their tokens are: those of a position next to each
// other, the first level first.

#include <tessera/core/fp_environment.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/levels.hpp>
#include <tessera/vq/nearest_few.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <class Q>
concept ChoosesSegments = requires {
    requires Q::Estimator::selects;
};
// The statistics of the levels after it are of z - lookup(token), which is not what they quantized in training.
template <class Q>
struct ResidualLevelHasTokensOfQ {
    static_assert(!ChoosesSegments<Q>,
                  "ResidualVq: a level with vq::SpaceFillingDiVeQ has tokens of segments in training, not of vectors");
};
template <class Q>
struct ResidualLevelKeepsShape {
    static_assert(std::same_as<typename Q::Input, typename Q::Output>,
                  "ResidualVq: each level must give the shape that it takes");
    static_assert(Q::tokens % row_count<typename Q::Input> == 0,
                  "ResidualVq: each level must give the same number of tokens for each position");
};

template <class Q>
using ParamsOf = typename Q::Params;
template <class Q>
using BuffersOf = typename Q::Buffers;
template <class Q>
using PackedOf = typename Q::Packed;
/// What ResidualVq keeps of a level: its input and output, and its tokens.
template <class Q>
struct ResidualLevelCache {
    typename Q::Cache inner;
    Tensor<typename Q::Scalar, typename Q::Input> r, q;
    Tensor<Token, Shape<Q::tokens>> tokens;
};

template <Codebooks Books, Quantizer... Q>
struct ResidualLayout {
    static_assert((sizeof(ResidualLevelKeepsShape<Q>) + ...) > 0);
    static_assert((sizeof(ResidualLevelHasTokensOfQ<Q>) + ...) > 0);
    static_assert((sizeof(NearestFewIsCallable<Q>) + ...) > 0);
    template <std::size_t l>
    using Level = std::tuple_element_t<l, std::tuple<Q...>>;
    using First = Level<0>;
    static constexpr bool alike = (std::same_as<First, Q> && ...);
    static constexpr std::size_t depth = sizeof...(Q), sets = Books == Codebooks::shared ? 1 : depth;
    static constexpr std::size_t positions = row_count<typename First::Input>;

    /// One parameter set Of<Q> for each level, or for all.
    template <template <class> class Of>
    using Named = std::conditional_t<alike, Levels<Of<First>, sets>, MixedLevels<Of<Q>...>>;
    /// The same without names.
    template <template <class> class Of, std::size_t n>
    using Stored = std::conditional_t<alike, std::array<Of<First>, n>, std::tuple<Of<Q>...>>;
    using Options = std::conditional_t<alike, typename First::Options, std::tuple<typename Q::Options...>>;

    /// Tokens of a position that are before those of level l.
    static constexpr std::array<std::size_t, depth + 1> before = [] {
        std::array<std::size_t, depth + 1> sum{};
        std::size_t l = 0;
        ((sum[l + 1] = sum[l] + tokens_per_position<Q>, ++l), ...);
        return sum;
    }();
    static constexpr std::size_t per_position = before[depth];
    /// The vocabularies of the tokens of a position.
    static constexpr std::array<std::size_t, per_position> vocabularies = [] {
        std::array<std::size_t, per_position> sizes{};
        std::size_t at = 0;
        const auto add = [&]<class Of>(std::type_identity<Of>) {
            for (std::size_t i = 0; i < tokens_per_position<Of>; ++i) sizes[at++] = vq::codes_of<Of>(i);
        };
        (add(std::type_identity<Q>{}), ...);
        return sizes;
    }();

    /// The index of the parameter set of level l.
    static constexpr std::size_t set(std::size_t l) { return Books == Codebooks::shared ? 0 : l; }

    /// f(std::integral_constant<std::size_t, l>) for each level, from the first or from the last, or for each set.
    template <class F>
    static void for_levels(F&& f) {
        call<depth>([&](auto l) { f(l); });
    }
    template <class F>
    static void for_levels_backward(F&& f) {
        call<depth>([&](auto l) { f(std::integral_constant<std::size_t, depth - 1 - l>{}); });
    }
    template <class F>
    static void for_sets(F&& f) {
        call<sets>([&](auto l) { f(l); });
    }

    template <std::size_t l, class S, class All>
    static void join(const Tensor<Token, S>& part, View<Token, All> all) {
        constexpr std::size_t per = before[l + 1] - before[l];
        for (std::size_t p = 0; p < all.batch() * positions; ++p)
            std::copy_n(part.data() + p * per, per, all.data() + p * per_position + before[l]);
    }
    /// False where level l has no token at all.
    template <std::size_t l, class S, class All>
    static bool split(View<const Token, All> all, Tensor<Token, S>& part) {
        constexpr std::size_t per = before[l + 1] - before[l];
        part.resize(all.batch());
        for (std::size_t p = 0; p < all.batch() * positions; ++p)
            std::copy_n(all.data() + p * per_position + before[l], per, part.data() + p * per);
        return std::ranges::any_of(part.span(), [](Token t) { return t != no_token; });
    }

    using Rest = View<const typename First::Scalar, typename First::Input>;
    static void subtract(Rest a, Rest b, View<typename First::Scalar, typename First::Input> out) {
        with_fp_environment([&] {
            kernel::simd::map(
                out.elements(), out.data(), [](const auto& x, const auto& y) { return x - y; }, a.data(), b.data());
        });
    }

private:
    template <std::size_t n, class F>
    static void call(F&& f) {
        [&]<std::size_t... l>(std::index_sequence<l...>) { (f(std::integral_constant<std::size_t, l>{}), ...); }
        (std::make_index_sequence<n>{});
    }
};

}  // namespace tessera::vq::detail
