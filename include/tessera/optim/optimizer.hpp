#pragma once
// Optimizer<O, P>: what turns a gradient into a step.

#include <tessera/core/param.hpp>

namespace tessera::inline TESSERA_ABI {

/// Two values of one type meet and the first one moves. Not stronger, because a user's own rule (plain
/// descent is three lines with `P::each`) needs nothing else; not weaker, because the gradient must stay as
/// it is: it may be logged.
template <class O, class P>
concept Optimizer = Parameters<P> && requires(O& o, P& params, const P& grad) {
    o.update(params, grad);
};

}  // namespace tessera
