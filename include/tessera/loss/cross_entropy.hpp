#pragma once
// cross_entropy: cross-entropy of the softmax of logits with one target per row, in nats (PyTorch's, summed).
//
//     loss = sum over rows of  log(sum_j e^(l_j)) - l_target,   dlogits = (softmax(l) - onehot(target)) scale
//
// A row whose target is no_token is ignored (PyTorch's ignore_index): no loss, a gradient of zeros. All other targets
// must be below the number of classes; the caller checks that. `scale` is 1 / (rows of the whole batch that count), so
// that a batch can be processed in blocks. dlogits may be the memory of the logits. A NaN in a row makes loss and
// gradient NaN.
//
// Shapes   logits, dlogits [rows, classes], targets [rows]
// Cost     one exponential per logit. One row at a time, so that what is read, written and scaled stays in L1. No
//          allocation

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

/// The loss without the gradient, for evaluation: the same bits as with it.
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
        const T wanted = x[target];  // read before dx is written, which may be the same memory
        // loss += ln s + m - x_target with s = sum of e^(x - m), m = max x; dx = (e^(x - m) / s - onehot) scale
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
