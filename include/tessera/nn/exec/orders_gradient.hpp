#pragma once
// OrdersGradient: which layers keep the order of blocks (nn/exec/block_order.hpp) inside their own backward.
//
// A layer that hands the order on to its own chains says so with `using OrdersGradient = <itself>`; every other layer
// that has parameters is one unit, and backward_in_order waits before the whole of its backward. A struct that derives
// from a chain is the chain as long as it keeps its `begin` and backward: one that adds to the gradient elsewhere would
// do so out of turn.
//
// Errors   none
// Cost     decided at compile time

#include <tessera/core/abi.hpp>
#include <tessera/nn/exec/block_order.hpp>
#include <tessera/nn/layer.hpp>

#include <concepts>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::nn {

namespace detail {
template <class L>
concept HasFunctionBackward = requires {
    &L::backward;
};
template <class L>
concept HasFunctionBackwardParams = requires {
    &L::backward_params;
};
template <class L, class Base>
concept SameBegin = requires {
    requires(&L::begin == &Base::begin);
};
template <class L, class Base>
concept SameBackward = requires {
    requires(&L::backward == &Base::backward);
};
template <class L, class Base>
concept SameBackwardParams = requires {
    requires(&L::backward_params == &Base::backward_params);
};
// L has the function of Base, or both have none: a struct that derives from a chain may replace or add it.
template <class L, class Base>
concept KeepsBackward = SameBackward<L, Base> ||(!HasFunctionBackward<L> && !HasFunctionBackward<Base>);
template <class L, class Base>
concept KeepsBackwardParams = SameBackwardParams<L, Base> ||
    (!HasFunctionBackwardParams<L> && !HasFunctionBackwardParams<Base>);
}  // namespace detail

/// Whether backward of the layer waits by itself: a Chain, or a struct that derives from one and keeps its functions.
template <class L>
concept OrdersGradient = requires {
    typename L::OrdersGradient;
    requires detail::SameBegin<L, typename L::OrdersGradient>;
    requires detail::KeepsBackward<L, typename L::OrdersGradient>;
    requires detail::KeepsBackwardParams<L, typename L::OrdersGradient>;
};

/// Of the order of a block, what `begin` hands on to a layer: nothing where the layer is one unit.
template <class L>
[[nodiscard]] BlockOrder* order_inside(BlockOrder* order) {
    return OrdersGradient<L> ? order : nullptr;
}

/// Calls f, the backward of layer L: in order where L does not wait by itself and has parameters.
template <class L, class F>
void backward_in_order(BlockOrder* order, F&& f) {
    if constexpr (OrdersGradient<L> || std::is_empty_v<typename L::Params>)
        f();
    else
        in_order(order, f);
}

}  // namespace tessera::nn
