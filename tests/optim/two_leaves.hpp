#pragma once
// The parameter set of the comparisons with PyTorch: a weight that decays and a bias that does not, with the
// numbers of golden/make_optim.py.

#include <tessera/core/param.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>

template <std::floating_point T>
struct TwoLeaves {
    tessera::Param<T, tessera::Shape<3, 7>> weight;
    tessera::Param<T, tessera::Shape<7>> bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        f("bias", p.bias...);
    }
};

/// The part of a model that an optimiser sees.
struct TwoLeavesModel {
    using Params = TwoLeaves<float>;
};

template <std::floating_point T>
TwoLeaves<T> start() {
    TwoLeaves<T> p;
    const auto fill = [](const tessera::ParamPath&, auto& leaf) {
        for (std::size_t i = 0; i < leaf.span().size(); ++i) leaf[i] = (static_cast<T>((i * 7) % 11) - 5) / 8;
    };
    TwoLeaves<T>::each(fill, p);
    return p;
}

template <std::floating_point T>
TwoLeaves<T> gradient(std::size_t step) {
    TwoLeaves<T> g;
    const auto fill = [&](const tessera::ParamPath&, auto& leaf) {
        for (std::size_t i = 0; i < leaf.span().size(); ++i)
            leaf[i] = (static_cast<T>((i * 5 + step * 3) % 13) - 6) / 16;
    };
    TwoLeaves<T>::each(fill, g);
    return g;
}

/// Largest difference from PyTorch's numbers over all leaves, in order.
template <std::floating_point T>
double distance(const TwoLeaves<T>& p, std::span<const double> golden) {
    double worst = golden.size() == tessera::parameter_count(p) ? 0 : std::numeric_limits<double>::infinity();
    std::size_t at = 0;
    const auto compare = [&](const tessera::ParamPath&, const auto& leaf) {
        for (std::size_t i = 0; i < leaf.span().size() && at < golden.size(); ++i, ++at) {
            const double e = std::abs(static_cast<double>(leaf[i]) - golden[at]);
            worst = e <= worst ? worst : e;  // keeps NaN
        }
    };
    TwoLeaves<T>::each(compare, p);
    return worst;
}

template <std::floating_point T>
inline constexpr double tolerance = std::same_as<T, float> ? 1e-6 : 1e-12;

/// A leaf long enough for several tasks, and a scalar bias.
struct Large {
    tessera::Param<float, tessera::Shape<300, 1001>> weight;
    tessera::Param<float, tessera::Shape<1>> bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        f("bias", p.bias...);
    }
};

inline Large large(double phase) {
    Large p;
    for (std::size_t i = 0; i < p.weight.span().size(); ++i)
        p.weight[i] = static_cast<float>(std::sin(static_cast<double>(i) * 0.37 + phase));
    p.bias[0] = 2;
    return p;
}
