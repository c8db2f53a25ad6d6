#pragma once
// One bound layer with everything that a call of it needs, filled with deterministic numbers.

#include <tessera/nn/layer.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::testing::detail {

inline std::string text(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.9g", value);
    return buffer;
}
inline std::string at(const std::string& what, std::size_t i) { return what + "[" + std::to_string(i) + "]"; }

template <class T>
inline constexpr T poison = std::numeric_limits<T>::quiet_NaN();

/// A permutation of an even grid on (-2, 2): no two values are closer than 4 / n, none is closer to zero than
/// 2 / n. Whatever bends at zero (relu) or where two inputs meet (a maximum) bends far from here.
template <std::floating_point T>
void fill_apart(std::span<T> x, Rng& rng) {
    const std::size_t n = x.size();
    for (std::size_t i = 0; i < n; ++i)
        x[i] = static_cast<T>((2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(n) * 2.0 - 2.0);
    if (n % 2 == 1) x[n / 2] = static_cast<T>(1.0 / static_cast<double>(n));  // the middle one would be zero
    for (std::size_t i = n; i > 1; --i) std::swap(x[i - 1], x[rng.below(static_cast<std::uint32_t>(i))]);
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
        [&](const Path& path, const auto& p, const auto& q) {
            using T = typename std::remove_cvref_t<decltype(p)>::Scalar;
            if (found.empty()) found = detail::differs<T>(what + "." + path.str(), p.span(), q.span());
        },
        a, b);
    return found;
}

template <nn::Layer L>
struct Rig {
    using T = typename L::Scalar;

    typename L::Params params;
    typename L::Params grad;
    nn::Weights<L> w;
    typename L::Cache cache;
    Tensor<nn::InputScalar<L>, typename L::Input> x;
    Tensor<T, typename L::Output> y, dy;
    Tensor<T, typename L::Input> dx, scratch;
    nn::Pass pass;

    /// vocab: tokens of x are below it, where the layer takes tokens.
    Rig(std::size_t batch, std::uint64_t seed, std::size_t vocab) : x{batch}, y{batch}, dy{batch} {
        Rng rng{seed};
        L::init(params, rng);
        // Away from the start values: a bias of zero or a gain of one would hide what they are multiplied
        // with.
        L::Params::each(
            [&](const Path&, auto& leaf) {
                for (auto& value : leaf.span()) value += static_cast<T>(rng.uniform(-0.3f, 0.3f));
            },
            params);
        if constexpr (nn::TakesTokens<L>) {
            for (auto& token : x.span())
                token = static_cast<nn::InputScalar<L>>(rng.below(static_cast<std::uint32_t>(vocab)));
        } else {
            detail::fill_apart<T>(x.span(), rng);
            dx.resize(batch);
        }
        for (T& value : dy.span()) value = static_cast<T>(rng.uniform(-1.f, 1.f));
        pass = {.training = true, .rng = rng.split(7), .first = 3};
        pack();
        set_zero(grad);
    }

    void pack() { nn::pack<L>(params, w); }
    /// Samples first .. first + count of the batch.
    void forward(std::size_t first, std::size_t count) {
        nn::begin<L>(cache, {pass.training, pass.rng, pass.first + first});
        L::forward(std::as_const(w), std::as_const(x).view().slice(first, count), y.view().slice(first, count), cache);
    }
    void backward(std::size_t first, std::size_t count) {
        const auto xs = std::as_const(x).view().slice(first, count);
        const auto ys = std::as_const(y).view().slice(first, count);
        const auto dys = std::as_const(dy).view().slice(first, count);
        if constexpr (nn::TakesTokens<L>)
            L::backward_params(std::as_const(w), xs, ys, dys, cache, grad);
        else
            L::backward(std::as_const(w), xs, ys, dys, dx.view().slice(first, count), cache, grad);
    }
    void backward_params() {
        nn::backward_params<L>(std::as_const(w), std::as_const(x), std::as_const(y), std::as_const(dy), scratch, cache,
                               grad);
    }
    void forward() { forward(0, x.batch()); }
    void backward() { backward(0, x.batch()); }
};

/// How many different tokens the layer takes, where it says so.
template <class L>
std::size_t vocab_of(std::size_t asked) {
    if constexpr (requires { L::vocab; })
        return asked == 0 ? L::vocab : asked;
    else
        return asked == 0 ? 2 : asked;
}

template <class L>
std::string name_of() {
    if constexpr (requires { std::string{L::name}; })
        return std::string{L::name};
    else
        return "layer " + to_string(typename L::Input{}) + " -> " + to_string(typename L::Output{});
}

}  // namespace tessera::testing::detail
