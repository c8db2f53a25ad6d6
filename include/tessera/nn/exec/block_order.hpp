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
// Who waits: Chain and Repeat, around the backward of each layer that has parameters (nn/exec/orders_gradient.hpp).
//
// Errors   none; a block that fails calls `finish`, which lets the others run to their end
// Cost     a load and a store for each layer; a wait spins for some 100 us, then the thread yields; 1 us where threads
//          share a core (kernel/threads/adaptive_spin.hpp)

#include <tessera/core/abi.hpp>
#include <tessera/kernel/threads/adaptive_spin.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tessera::inline TESSERA_ABI::nn {

/// How often a block has added to the gradient of its group, in one run. While the blocks of a group run, only
/// BlockOrder reads and writes it, atomically. A cache line each.
struct alignas(64) BlockProgress {
    std::uint32_t additions = 0;
};

/// The turn of one block among those of its group.
class BlockOrder {
public:
    /// Some 100 us. Layers take that long: when a thread slept after 512, two threads made a step of 16 images 1.4
    /// instead of 1.75 times as fast as one.
    static constexpr int spins = 8192;
    static constexpr std::uint32_t all = (std::numeric_limits<std::uint32_t>::max)();

    /// `before` is the progress of the block before, null for the first block of a group. Threads that share groups
    /// share one AdaptiveSpin.
    BlockOrder(BlockProgress* before, BlockProgress& own, kernel::AdaptiveSpin& spin)
        : before_{before}, own_{&own}, spin_{&spin} {}

    /// Returns when the block before has added once more than this one.
    void wait_turn() { wait_for(count_ + 1); }
    /// This block has added once more: the block after it may do the same.
    void pass_turn() { publish(++count_); }
    /// The block adds nothing more, because it is complete or has failed. One that has failed passes the turn on only
    /// when the blocks before it are complete, so that two blocks never add at once.
    void finish() {
        wait_for(all);
        publish(all);
    }

private:
    void wait_for(std::uint32_t needed) {
        if (!before_) return;
        const std::atomic_ref additions{before_->additions};
        spin_->wait([&] { return additions.load(std::memory_order_acquire) >= needed; });
    }
    void publish(std::uint32_t count) { std::atomic_ref{own_->additions}.store(count, std::memory_order_release); }

    BlockProgress* before_;
    BlockProgress* own_;
    kernel::AdaptiveSpin* spin_;
    std::uint32_t count_ = 0;
};

/// Calls f, which adds to the gradient, when it is this block's turn. Without an order (null) one thread computes all
/// blocks of the group, and f is called at once.
template <class F>
void in_order(BlockOrder* order, F&& f) {
    if (!order) return f();
    order->wait_turn();
    f();
    order->pass_turn();
}

}  // namespace tessera::nn
