#pragma once
// What a layer can do beyond its contract where two passes over memory can be one. A Chain and a Residual ask while they
// bind; the bits are those of the passes apart (tests/nn/backward_epilogue.cpp), and 2 points of a training step are gained.
//
//     struct Conv2dLayer { static constexpr Fuses fuses{.add_y = true, .mask_dx = true, .add_dx = true}; ... };
//
// A layer that names nothing fuses nothing.

#include <tessera/nn/layer.hpp>

namespace tessera::inline TESSERA_ABI::nn {

struct Fuses {
    bool add_y = false;    ///< has forward(w, x, y, cache, add): y = layer(x) + add; its backward reads no y
    bool mask_dx = false;  ///< its backward takes an BackwardEpilogue, and heeds mask_dx
    bool add_dx = false;   ///< its backward takes an BackwardEpilogue, and heeds add_dx
    bool masked_dy =
        false;  ///< its backward takes an BackwardEpilogue: it begins with dz = y > 0 ? dy : 0, and heeds masked_dy
    bool only_masks = false;  ///< dx = y > 0 ? dy : 0 is all that its backward does
};

/// What backward is asked for: dx = (mask_dx and x <= 0 ? 0 : dx) + add_dx.
template <class T>
struct BackwardEpilogue {
    bool masked_dy = false;  ///< dy is zero already where y <= 0
    bool mask_dx = false;
    const T* add_dx = nullptr;  ///< laid out as x
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

/// backward with what of the ending the layer heeds; the caller asks for nothing else but masked_dy, which is a hint.
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
