#pragma once
// Used by all checkers: values as text, the first difference of two arrays, and inputs away from kinks.

#include <tessera/core/error.hpp>
#include <tessera/core/shuffle.hpp>
#include <tessera/nn/layer.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::testing::detail {

inline std::string text(double value) {
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 9).ptr};
}
inline std::string at(const std::string& what, std::size_t i) { return what + "[" + std::to_string(i) + "]"; }

/// "" or what is wrong with an option with which nothing would be tested.
inline std::string at_least_one(const char* option, std::size_t got) {
    return got > 0 ? "" : std::string{option} + ": " + expected_got("at least 1", "0");
}

template <class T>
inline constexpr T poison = std::numeric_limits<T>::quiet_NaN();

/// A permutation of an even grid on (-2, 2): no two values are closer than 4 / n, and none is closer to zero than 1 /
/// n. Differences are then not taken across a kink at zero (relu) or at a tie of two inputs (a maximum).
template <std::floating_point T>
void fill_apart(std::span<T> x, Rng& rng) {
    const std::size_t n = x.size();
    for (std::size_t i = 0; i < n; ++i)
        x[i] = static_cast<T>((2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(n) * 2.0 - 2.0);
    if (n % 2 == 1) x[n / 2] = static_cast<T>(1.0 / static_cast<double>(n));  // the middle value would be zero
    tessera::detail::shuffle(x, rng);
}

/// Copies every leaf that Set::each visits.
template <class Set>
void copy_leaves(const Set& from, Set& to) {
    Set::each([](const ParamPath&, const auto& a, auto& b) { std::ranges::copy(a.span(), b.span().data()); }, from, to);
}

/// First position where the bits differ, a.size() if nowhere.
template <std::floating_point T>
std::size_t first_difference(std::span<const T> a, std::span<const T> b) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    std::size_t i = 0;
    while (i < a.size() && std::bit_cast<Bits>(a[i]) == std::bit_cast<Bits>(b[i])) ++i;
    return i;
}
/// "" or "what[i]: expected a[i], got b[i]"
template <std::floating_point T>
std::string differs(const std::string& what, std::span<const T> a, std::span<const T> b) {
    const std::size_t i = first_difference<T>(a, b);
    if (i == a.size()) return "";
    return at(what, i) + ": expected " + text(static_cast<double>(a[i])) + ", got " + text(static_cast<double>(b[i]));
}
/// The first leaf in which two parameter sets differ.
template <Parameters P>
std::string differs(const std::string& what, const P& a, const P& b) {
    std::string found;
    P::each(
        [&](const ParamPath& path, const auto& p, const auto& q) {
            using T = typename std::remove_cvref_t<decltype(p)>::Scalar;
            if (found.empty()) found = detail::differs<T>(what + "." + path.str(), p.span(), q.span());
        },
        a, b);
    return found;
}

template <class L>
std::string name_of() {
    if constexpr (requires { std::string{L::name}; })
        return std::string{L::name};
    else
        return "layer " + to_string(typename L::Input{}) + " -> " + to_string(typename L::Output{});
}

}  // namespace tessera::testing::detail
