#pragma once
// check_gradient(options): compares the gradients of a layer with central differences, in double.
//
//     d/dv sum(dy . y(v))  =  sum(dy . (y(v + h) - y(v - h))) / 2 h  +  O(h^2)
//
// dy is random, and v runs over all inputs and all parameters, or a fixed choice of them where there are more than
// `max_differences`. Every evaluation gets the same Pass, so that Dropout is a fixed function here. The error is
// relative to the largest gradient of the same leaf; for a leaf whose gradient is tiny compared with the others,
// relative to 1/1000 of theirs.
//
// Cost     two forward passes for each value of x and of the parameters, at most 2 * `max_differences` for each leaf

#include <tessera/testing/bound_layer.hpp>
#include <tessera/testing/check_result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI::testing {

struct GradientCheckOptions {
    std::size_t batch = 2;              ///< samples
    std::uint64_t seed = 1;             ///< of parameters, x and dy
    double step = 1e-5;                 ///< of the differences of values
    double tolerance = 1e-6;            ///< largest error of a gradient
    std::size_t max_differences = 128;  ///< for x and for each leaf
    std::size_t vocab = 0;  ///< for layers that take tokens; 0: the layer's own vocabulary (`L::vocab`), or 2
};

namespace detail {

// g is the gradient of backward for the values v; evaluate() runs forward with the current values in v.
template <nn::Layer L, class Evaluate>
std::string compare_differences(BoundLayer<L>& bound, const GradientCheckOptions& o, const std::string& what,
                                std::span<double> v, std::span<const double> g, double others,
                                Tensor<double, typename L::Output>& above, Evaluate evaluate) {
    double largest = 1e-3 * others;
    for (double value : g) {
        if (!std::isfinite(value)) return what + ": expected a finite gradient, got " + text(value);
        largest = (std::max)(largest, std::abs(value));
    }
    Rng rng{o.seed};
    const std::size_t count = (std::min)(o.max_differences, v.size());
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t low = k * v.size() / count, high = (k + 1) * v.size() / count;
        const std::size_t i = low + rng.below(static_cast<std::uint32_t>(high - low));
        const double value = v[i];
        v[i] = value + o.step;
        evaluate();
        std::ranges::copy(bound.y.span(), above.data());
        v[i] = value - o.step;
        evaluate();
        v[i] = value;
        double sum = 0;
        for (std::size_t j = 0; j < bound.y.span().size(); ++j)
            sum += bound.dy.data()[j] * (above.data()[j] - bound.y.data()[j]);
        const double expected = sum / (2 * o.step);
        if (!(std::abs(expected - g[i]) <= o.tolerance * (std::max)(largest, 1e-6)))
            return at(what, i) + ": expected " + text(expected) + ", got " + text(g[i]);
    }
    return "";
}

template <nn::Layer L>
std::string check_gradient(const GradientCheckOptions& o) {
    std::string failure = at_least_one("gradient: batch", o.batch);
    if (failure.empty()) failure = at_least_one("gradient: max_differences", o.max_differences);
    if (!failure.empty()) return failure;
    BoundLayer<L> bound{o.batch, {o.seed, o.vocab}};
    bound.forward();
    bound.backward();
    double largest = 0;
    for (double value : bound.dx.span()) largest = (std::max)(largest, std::abs(value));
    L::Params::each(
        [&](const ParamPath&, const auto& leaf) {
            for (double value : leaf.span()) largest = (std::max)(largest, std::abs(value));
        },
        bound.grad);

    Tensor<double, typename L::Output> above{o.batch};
    if constexpr (!nn::TakesTokens<L>)
        failure = compare_differences<L>(bound, o, "dx", bound.x.span(), bound.dx.span(), largest, above,
                                         [&] { bound.forward(); });
    L::Params::each(
        [&](const ParamPath& path, auto& leaf, const auto& g) {
            if (!failure.empty()) return;
            failure =
                compare_differences<L>(bound, o, "grad." + path.str(), leaf.span(), g.span(), largest, above, [&] {
                    bound.pack();
                    bound.forward();
                });
        },
        bound.params, bound.grad);
    return failure.empty() ? "" : "gradient: " + failure;
}

}  // namespace detail

/// `check_gradient<Conv2d<8, keep3>, Shape<7, 7, 3>>()`
template <class Spec, StaticShape In>
    requires(nn::LayerSpec<Spec, In, double>)
[[nodiscard]] CheckResult check_gradient(const GradientCheckOptions& options = {}) {
    using L = typename Spec::template Bind<In, double>;
    std::string failure = detail::check_gradient<L>(options);
    return {failure.empty() ? "" : detail::name_of<L>() + ": " + failure};
}

}  // namespace tessera::testing
