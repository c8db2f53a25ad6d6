#pragma once
// BackwardEpilogue: what a layer can do beyond its contract where one pass over memory can replace two.
//
//     struct Conv2dLayer { static constexpr Fuses fuses{.add_y = true, .mask_dx = true, .add_dx = true}; ... };
//
// A layer declares in `fuses` which operations it can fold into its own passes; Chain and Residual read it while they
// bind. A layer without `fuses` fuses nothing. The results have the bits of the separate passes
// (tests/nn/backward_epilogue.cpp), and a training step gains 2 percentage points of the peak.

#include <tessera/nn/layer.hpp>

namespace tessera::inline TESSERA_ABI::nn {

struct Fuses {
    bool add_y = false;    ///< has forward(w, x, y, cache, add): y = layer(x) + add; its backward reads no y
    bool mask_dx = false;  ///< its backward takes a BackwardEpilogue and applies mask_dx
    bool add_dx = false;   ///< its backward takes a BackwardEpilogue and applies add_dx
    /// Its backward takes a BackwardEpilogue and begins with dz = y > 0 ? dy : 0, which masked_dy lets it skip.
    bool masked_dy = false;
    bool only_masks = false;  ///< its backward does nothing but dx = y > 0 ? dy : 0
};

/// Work that backward does at its end: dx = (mask_dx and x <= 0 ? 0 : dx) + add_dx.
template <class T>
struct BackwardEpilogue {
    bool masked_dy = false;  ///< a hint: dy is already zero where y <= 0
    bool mask_dx = false;
    const T* add_dx = nullptr;  ///< in the layout of x; null: nothing to add
};

namespace detail {
template <class L>
consteval Fuses fuses_of() {
    if constexpr (requires { L::fuses; })
        return L::fuses;
    else
        return {};
}
}  // namespace detail
template <class L>
inline constexpr Fuses fuses = detail::fuses_of<L>();

/// backward with the epilogue, for layers that take one. The caller sets only what `fuses<L>` has; masked_dy is a hint
/// and may be set for any layer.
template <Layer L, class T = typename L::Scalar>
void backward(const Weights<L>& w, View<const T, typename L::Input> x, View<const T, typename L::Output> y,
              View<const T, typename L::Output> dy, View<T, typename L::Input> dx, typename L::Cache& cache,
              typename L::Params& grad, const BackwardEpilogue<T>& end) {
    if constexpr (fuses<L>.mask_dx || fuses<L>.add_dx || fuses<L>.masked_dy)
        L::backward(w, x, y, dy, dx, cache, grad, end);
    else
        L::backward(w, x, y, dy, dx, cache, grad);
}

}  // namespace tessera::nn
