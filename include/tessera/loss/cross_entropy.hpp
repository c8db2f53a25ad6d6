#pragma once
// Cross-entropy of the softmax of logits against one target a row, in nats.
//
//     loss = sum over rows of  log(sum_j e^(l_j)) - l_target,   dlogits = (softmax(l) - onehot(target)) scale
//
// logits    rows x classes;  targets  one Token a row, below classes (the caller's business) or no_token
// dlogits   like logits, and may be the same memory; a row that is ignored gets zeros
// scale     1 / (rows of the whole batch that count), so that blocks of a batch can be handled apart
//
// One row at a time: what is read, written and scaled stays in the first cache.

#include <tessera/core/token.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/softmax.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI {

/// The loss alone, for evaluation: the same bits as with the gradient.
template <std::floating_point T>
double cross_entropy(std::span<const T> logits, std::span<const Token> targets) {
    const std::size_t classes = targets.empty() ? 0 : logits.size() / targets.size();
    double total = 0;
    for (std::size_t row = 0; row < targets.size(); ++row) {
        if (targets[row] == no_token) continue;
        const auto x = logits.subspan(row * classes, classes);
        const T m = kernel::simd::largest(x.size(), x.data());
        const T s = kernel::sum_exp<T>(x, m);
        total += std::log(static_cast<double>(s)) + (static_cast<double>(m) - static_cast<double>(x[targets[row]]));
    }
    return total;
}

template <std::floating_point T>
double cross_entropy(std::span<const T> logits, std::span<const Token> targets, std::span<T> dlogits, T scale) {
    const std::size_t classes = targets.empty() ? 0 : logits.size() / targets.size();
    double total = 0;
    for (std::size_t row = 0; row < targets.size(); ++row) {
        const auto x = logits.subspan(row * classes, classes);
        const auto dx = dlogits.subspan(row * classes, classes);
        const Token target = targets[row];
        if (target == no_token) {
            std::ranges::fill(dx, T(0));
            continue;
        }
        const T wanted = x[target];  // before dx, which may be x, is written
        const T m = kernel::simd::largest(x.size(), x.data());
        const T s = kernel::exp_row<T>(x, m, dx);
        total += std::log(static_cast<double>(s)) + (static_cast<double>(m) - static_cast<double>(wanted));
        const kernel::simd::Vec<T> factor(scale / s);
        kernel::simd::map(
            dx.size(), dx.data(), [&](const auto& v) { return v * factor; }, dx.data());
        dx[target] -= scale;
    }
    return total;
}

}  // namespace tessera
