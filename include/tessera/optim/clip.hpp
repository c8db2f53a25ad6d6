#pragma once
// clip_grad_norm: the norm of a whole gradient, gradient clipping, and where a gradient is not finite.
//
//     norm = sqrt(sum of g^2 over all leaves),   g = g min(1, max_norm / (norm + 1e-6))     (PyTorch's 1e-6)
//
// Chunks of 4096 elements are summed in T, their sums added in double in memory order: any number of threads gives the
// same bits.
//
// Errors   ArgumentError where max_norm is not >= 0
// Cost     one parallel pass over the gradient for the norm, one more where it is clipped; no allocation

#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/require_option.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// Sum of squares of one leaf: tasks of 16 chunks fill a table, one thread sums it. 1024 chunks at a time, so that the
/// table fits on the stack.
template <std::floating_point T>
double leaf_squares(std::span<const T> x) {
    constexpr std::size_t chunk = kernel::sum_chunk, round = 1024 * chunk;
    std::array<double, 1024> sums;
    double total = 0;
    for (; !x.empty(); x = x.subspan((std::min)(round, x.size()))) {
        const auto now = x.first((std::min)(round, x.size()));
        kernel::for_chunks(now.size(), 16 * chunk, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; i += chunk)
                sums[i / chunk] = kernel::sum_squares<T>(now.subspan(i, (std::min)(chunk, end - i)));
        });
        for (std::size_t c = 0; c * chunk < now.size(); ++c) total += sums[c];
    }
    return total;
}

// The visitors of a gradient: types, not lambdas in a template, so that a layer is compiled once for all models.
struct AddSquares {
    double& total;

    template <class L>
    void operator()(const ParamPath&, const L& g) const {
        total += leaf_squares<typename L::Scalar>(g.span());
    }
};
struct ScaleLeaf {
    double factor;

    template <class L>
    void operator()(const ParamPath&, L& g) const {
        scale<typename L::Scalar>(g.span());
    }
    template <class T>
    void scale(std::span<T> x) const {
        kernel::for_chunks(x.size(), 65536, [&](std::size_t begin, std::size_t end) {
            kernel::scale<T>(static_cast<T>(factor), x.subspan(begin, end - begin));
        });
    }
};
}  // namespace detail

/// The Euclidean norm of all leaves together; not finite where a number is not, or where the sum of squares overflows.
template <Parameters P>
[[nodiscard]] double grad_norm(const P& grad) {
    return with_fp_environment([&] {
        double total = 0;
        P::each(detail::AddSquares{total}, grad);
        return std::sqrt(total);
    });
}

/// Multiplies every element by the factor.
template <Parameters P>
void scale_grad(P& grad, double factor) {
    with_fp_environment([&] { P::each(detail::ScaleLeaf{.factor = factor}, grad); });
}

/// Returns the norm before clipping. A gradient whose norm is not finite is left unchanged; first_non_finite finds the
/// cause.
template <Parameters P>
double clip_grad_norm(P& grad, double max_norm) {
    require_option(max_norm >= 0, {"clip_grad_norm", "max_norm", "a number >= 0"}, max_norm);
    return with_fp_environment([&] {
        const double norm = grad_norm(grad);
        const double factor = max_norm / (norm + 1e-6);
        if (factor < 1 && std::isfinite(norm)) scale_grad(grad, factor);
        return norm;
    });
}

/// Where a gradient is not finite.
struct NonFinite {
    std::string path;       ///< of the first leaf with a non-finite number
    std::size_t index = 0;  ///< of the first one in that leaf, in memory order
    std::size_t count = 0;  ///< in all leaves together
};

namespace detail {
struct FindNonFinite {
    std::optional<NonFinite>& found;

    template <class L>
    void operator()(const ParamPath& path, const L& g) const {
        look<typename L::Scalar>(path, g.span());
    }
    template <class T>
    void look(const ParamPath& path, std::span<const T> x) const {
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (std::isfinite(x[i])) continue;
            if (!found) found = NonFinite{path.str(), i, 0};
            ++found->count;
        }
    }
};
}  // namespace detail

/// nullopt if every number is finite (the norm may still have overflowed). Slow: one thread; for error messages.
template <Parameters P>
[[nodiscard]] std::optional<NonFinite> first_non_finite(const P& grad) {
    std::optional<NonFinite> found;
    P::each(detail::FindNonFinite{found}, grad);
    return found;
}

}  // namespace tessera
