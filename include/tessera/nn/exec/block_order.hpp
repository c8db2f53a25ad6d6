#pragma once
// BlockOrder: lets several threads compute the blocks of one group and add to one gradient in the order of the blocks.
//
//     block 0   forward  add 1  add 2  add 3  ...             thread A
//     block 1   forward         add 1  add 2  add 3  ...      thread B: its add k waits for add k of block 0
//
// All blocks run the same net, so they add to the gradients of its layers in the same sequence. A block that has added
// k times lets the next one add k times: each element of the gradient receives the blocks' terms in the order that it
// has with one thread, hence the same bits. Nothing else waits. The forward passes overlap, and backward runs one layer
// behind the block before: two threads compute the four blocks of 16 images 1.9 times as fast as one.
//
// Who waits: Chain and Repeat, around the backward of each layer that has parameters (`in_order`). A layer that hands
// the order on to its own chains says so with `using OrdersGradient = <itself>`; every other layer is one unit.
//
// Errors   none; a block that fails calls `finish`, which lets the others run to their end
// Cost     a load and a store for each layer; a wait spins for some 100 us, then the thread yields; 1 us where threads
//          share a core (kernel/threads/patience.hpp)

#include <tessera/core/abi.hpp>
#include <tessera/kernel/threads/patience.hpp>
#include <tessera/nn/layer.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::nn {

/// How often a block has added to the gradient of its group. Of one run; a copy begins anew.
struct alignas(64) BlockProgress {
    std::atomic<std::uint32_t> added{0};

    BlockProgress() = default;
    BlockProgress(const BlockProgress&) noexcept {}
    BlockProgress& operator=(const BlockProgress&) noexcept { return *this; }
};

class BlockOrder {
public:
    /// Some 100 us. Layers take that long: when a thread slept after 512, two threads made a step of 16 images 1.4
    /// instead of 1.75 times as fast as one.
    static constexpr int spins = 8192;
    static constexpr std::uint32_t all = (std::numeric_limits<std::uint32_t>::max)();

    /// `before` is the progress of the block before, null for the first block of a group. Threads that share groups
    /// share their patience.
    BlockOrder(const BlockProgress* before, BlockProgress& own, kernel::Patience& patience)
        : before_{before}, own_{&own}, patience_{&patience} {}

    /// Returns when the block before has added once more than this one.
    void wait() { wait_for(count_ + 1); }
    /// This block has added once more.
    void added() { publish(++count_); }
    /// The block adds nothing more, because it is complete or has failed. One that has failed passes the turn on only
    /// when the blocks before it are complete, so that two blocks never add at once.
    void finish() {
        wait_for(all);
        publish(all);
    }

private:
    void wait_for(std::uint32_t needed) {
        if (before_) patience_->wait([&] { return before_->added.load(std::memory_order_acquire) >= needed; });
    }
    void publish(std::uint32_t count) { own_->added.store(count, std::memory_order_release); }

    const BlockProgress* before_;
    BlockProgress* own_;
    kernel::Patience* patience_;
    std::uint32_t count_ = 0;
};

/// Calls f, which adds to the gradient, when it is this block's turn. Without an order (null) one thread computes all
/// blocks of the group, and f is called at once.
template <class F>
void in_order(BlockOrder* order, F&& f) {
    if (!order) return f();
    order->wait();
    f();
    order->added();
}

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
