#pragma once
// Checks backward and regularize of a quantizer with central differences, for check_quantizer.

#include <tessera/testing/detail/bound_quantizer.hpp>
#include <tessera/testing/detail/differences.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::testing::detail {

/// "" where g is the gradient of f at v, by central differences.
template <class F>
std::string compare_gradient(const QuantizerCheckOptions& o, const std::string& what, std::span<double> v,
                             std::span<const double> g, F f) {
    double largest = 1e-3;
    for (const double x : g) largest = (std::max)(largest, std::abs(x));
    for (std::size_t i = 0; i < v.size(); ++i) {
        const double value = v[i];
        v[i] = value + o.step;
        const double above = f();
        v[i] = value - o.step;
        const double below = f();
        v[i] = value;
        const double expected = (above - below) / (2 * o.step);
        if (!(std::abs(expected - g[i]) <= o.tolerance * largest))
            return at(what, i) + ": expected " + text(expected) + ", got " + text(g[i]);
    }
    return "";
}

// In double. The differences overwrite the cache, so forward runs again after each.
template <vq::Quantizer Q>
std::string check_quantizer_gradients(const QuantizerCheckOf<Q>& o) {
    BoundQuantizer<Q> bound{o};
    bound.forward(bound.pass);
    const auto tokens = bound.tokens;
    bool moved = false;
    const auto run = [&] {
        bound.pack();
        bound.forward(bound.pass);
        moved = moved || !std::ranges::equal(bound.tokens.span(), tokens.span());
    };
    std::string failure;
    if (o.differentiable) {
        bound.backward(0, o.batch);
        const auto dz = bound.dz;
        const auto grad = bound.grad;
        const auto loss = [&] {
            run();
            double sum = 0;
            for (std::size_t i = 0; i < bound.q.span().size(); ++i) sum += bound.dq.data()[i] * bound.q.data()[i];
            return sum;
        };
        failure = compare_gradient(o, "backward: dz", bound.z.span(), dz.span(), loss);
        Q::Params::each(
            [&](const ParamPath& path, auto& leaf, const auto& g) {
                if (failure.empty())
                    failure = compare_gradient(o, "backward: grad." + path.str(), leaf.span(), g.span(), loss);
            },
            bound.params, grad);
    }
    if constexpr (vq::Regularizes<Q>) {
        run();
        set_zero(bound.grad);
        std::ranges::fill(bound.dz.span(), 0.0);
        constexpr double divisor = 5;
        static_cast<void>(bound.regularize(0, o.batch, divisor));
        const auto dz = bound.dz;
        const auto grad = bound.grad;
        std::vector<std::string> leaves;
        Q::Params::each([&](const ParamPath& path, const auto&) { leaves.push_back(path.str()); }, bound.params);
        const auto owns = [](const std::string& term, const std::string& leaf) {
            return leaf == term || leaf.starts_with(term + ".");
        };
        // The sum of the terms whose gradient reaches `leaf` ("": z). A term that owns leaves is evaluated with the q
        // of the changed leaf, any other with the q of before.
        const auto q = bound.q;
        const auto terms_of = [&](const std::string& leaf) {
            run();
            double own = 0, others = 0;
            bool any = false;
            const auto terms = bound.regularize(0, o.batch, divisor);
            bound.q = q;
            const auto constant = bound.regularize(0, o.batch, divisor);
            vq::Terms<Q>::each(
                [&](const ParamPath& path, const double& term, const double& with_constant_q) {
                    const std::string name = path.str();
                    if (owns(name, leaf)) {
                        own += term;
                        any = true;
                    } else if (std::ranges::none_of(leaves, [&](const auto& l) { return owns(name, l); })) {
                        others += with_constant_q;
                    }
                },
                terms, constant);
            return (any ? own : others) / divisor;
        };
        if (failure.empty())
            failure = compare_gradient(o, "regularize: dz", bound.z.span(), dz.span(), [&] { return terms_of(""); });
        if (o.terms_move_params)
            Q::Params::each(
                [&](const ParamPath& path, auto& leaf, const auto& g) {
                    if (failure.empty())
                        failure = compare_gradient(o, "regularize: grad." + path.str(), leaf.span(), g.span(),
                                                   [&] { return terms_of(path.str()); });
                },
                bound.params, grad);
    }
    if (moved) return "gradient: a token changed under a step of " + text(o.step) + ": take another seed";
    return failure.empty() ? "" : "gradient: " + failure;
}

}  // namespace tessera::testing::detail
