#pragma once
// Levels, MixedLevels: the parameter sets of the parts of a quantizer that is composed of others, as one parameter set.
//
//     Levels<P, 3>             "0.codebook.weight", "1.codebook.weight", "2.codebook.weight"
//     Levels<P, 1>             "codebook.weight": one set that all parts share keeps its own names
//     MixedLevels<P, Q>        the same names, of parts of different types
//
// Params, Buffers, Statistics and Terms of ResidualVq and GroupedVq are such sets. std::get<l>(set.level) is that of
// part l; where all parts have one type, set.level[l] as well.

#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Whether the parts of a composed quantizer have a codebook each or share one.
enum class Codebooks { own, shared };

namespace vq {

template <class P, std::size_t N>
struct Levels {
    std::array<P, N> level{};

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        if constexpr (N == 1)
            P::each(f, s.level[0]...);
        else
            for (std::size_t l = 0; l < N; ++l) each_of(l, f, s...);
    }

private:
    template <class F, class... S>
    static void each_of(std::size_t l, F& f, S&... s) {
        P::each(with_prefix(l, f), s.level[l]...);
    }
};

template <class... P>
struct MixedLevels {
    std::tuple<P...> level{};

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        [&]<std::size_t... l>(std::index_sequence<l...>) { (each_of<l>(f, s...), ...); }
        (std::index_sequence_for<P...>{});
    }

private:
    template <std::size_t l, class F, class... S>
    static void each_of(F& f, S&... s) {
        std::tuple_element_t<l, std::tuple<P...>>::each(with_prefix(l, f), std::get<l>(s.level)...);
    }
};

/// The settings of a part, their names and those of their leaves with a prefix.
template <class Q>
[[nodiscard]] std::vector<Setting> settings_of_part(const std::string& prefix, const typename Q::Options& options) {
    std::vector<Setting> all = settings_of<Q>(options);
    for (Setting& setting : all) {
        setting.key = prefix + setting.key;
        for (std::string& leaf : setting.leaves) leaf = prefix + leaf;
    }
    return all;
}

/// The name and the metadata of a part, with a prefix.
template <class Q>
[[nodiscard]] NamedValues metadata_of_part(const std::string& prefix) {
    NamedValues all;
    if constexpr (requires { std::string{Q::name}; }) all.emplace_back(prefix + "quantizer", std::string{Q::name});
    for (const auto& [key, value] : metadata_of<Q>()) all.emplace_back(prefix + key, value);
    return all;
}

}  // namespace vq

}  // namespace tessera
