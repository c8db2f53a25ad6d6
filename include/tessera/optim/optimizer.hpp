#pragma once
// Optimizer: the concept of a type that updates parameters from a gradient.

#include <tessera/core/param.hpp>

namespace tessera::inline TESSERA_ABI {

/// update changes params, and the gradient has the same type. Not stronger, because a user's rule (plain gradient
/// descent is three lines with `P::each`) needs nothing else; not weaker, because the gradient must not change: it may
/// be logged.
template <class O, class P>
concept Optimizer = Parameters<P> && requires(O& o, P& params, const P& grad) {
    o.update(params, grad);
};

}  // namespace tessera
