#pragma once
// Grouped: runs a batch in groups of 16 samples, each with a separate gradient.
//
//     grad += sum over groups of (sum over the blocks of the group of their gradients)
//
// Inside a group, blocks of 4 samples run the whole net forward and backward in scratch memory that is reused and stays
// in L2. The group is the unit of determinism: the gradients of its blocks are added in their order, and those of the
// groups in a fixed binary tree. Sizes depend on the batch at most, never on the machine. When this was chosen, a
// VQ-VAE step reached 86 % of the peak on two cores with it, and 64 % with fork and join in every layer (now:
// bench/README.md). Larger blocks pay where the weights of a layer do not fit in L2; a batch of fewer than four blocks
// is cut into smaller ones. The block size changes no bit of a gradient to which every layer adds in the order of its
// rows.
//
// A thread takes a whole group, as long as there is one for each thread. The threads share the blocks of the groups
// that are left, and add to a group's gradient in the order of its blocks (nn/exec/block_order.hpp), which changes no
// bit either. Large blocks are cut there where the threads would not have one each. So 64 samples occupy 16 threads.
//
// Errors   static_assert, or from a run ArgumentError, where the block size does not divide the group size, or the unit
//          the block
// Cost     one gradient per group and one scratch per thread, allocated by the first run of the largest batch; a
//          scratch that had no block in that run, or only parts of blocks, is allocated, or grows, in a later one

#include <tessera/core/batch_share.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/param.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/nn/exec/block_order.hpp>
#include <tessera/nn/exec/orders_gradient.hpp>  // IWYU pragma: export

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

using tessera::group_size;
inline constexpr std::size_t block_size = 4;

[[nodiscard]] constexpr std::size_t group_count(std::size_t samples) noexcept {
    return (samples + group_size - 1) / group_size;
}

/// Calls f(first, count, group, scratch) for groups of samples, in parallel, for evaluation.
template <class Scratch, class F>
void for_groups(std::size_t samples, std::vector<Scratch>& scratch, F&& f) {
    const std::size_t groups = group_count(samples);
    const std::size_t slot_count = (std::max)(std::size_t{1}, (std::min)(groups, kernel::concurrency()));
    if (scratch.size() < slot_count) scratch.resize(slot_count);
    kernel::for_each_slot(groups, slot_count, [&](std::size_t group, std::size_t slot) {
        const std::size_t first = group * group_size;
        f(first, (std::min)(group_size, samples - first), group, scratch[slot]);
    });
}

namespace detail {
// A visitor: the spans of the leaves, as one list.
template <class T>
struct AddSpan {
    std::vector<std::span<T>>& to;

    template <class L>
    void operator()(const ParamPath&, L& leaf) const {
        to.push_back(leaf.span());
    }
};
}  // namespace detail

template <Parameters P, class Scratch, std::floating_point T = float, std::size_t Block = block_size>
class Grouped {
    static_assert(Block > 0 && group_size % Block == 0, "Grouped: blocks must divide a group");

public:
    /// Samples of a block in a batch of `samples` over all processes: fewer where they would make less than four.
    [[nodiscard]] static constexpr std::size_t block_of(std::size_t samples) noexcept {
        return std::clamp(std::bit_floor((std::max)(samples, std::size_t{4}) / 4), std::size_t{1}, Block);
    }
    [[nodiscard]] static constexpr std::size_t blocks(std::size_t batch, std::size_t block = Block) noexcept {
        return (batch + block - 1) / block;
    }

    /// Calls f(first, count, index, scratch, gradient) for the blocks of a batch; f adds to the gradient of its group.
    /// Then grad += the sum over groups. If f takes a BlockOrder* after the gradient, threads may share a group: then f
    /// gives order_inside<Net>(order) to `begin` of each net, and adds to the gradient within backward_in_order<Net> or
    /// in_order only. A block of any size that divides a group gives the same bits (see above).
    ///
    /// With `unit` less than `block`, blocks of shared groups are cut down to it where there are more threads than
    /// blocks, and index = first / unit: what f keeps of each unit is the same however the batch was cut.
    template <class F>
    void run(std::size_t batch, P& grad, F&& f, std::size_t block = Block, std::size_t unit = 0) {
        if (unit == 0) unit = block;
        require_divisor("block", block, group_size);
        require_divisor("unit", unit, block);
        if (batch == 0) return;
        constexpr bool can_share = std::invocable<F&, std::size_t, std::size_t, std::size_t, Scratch&, P&, BlockOrder*>;
        const std::size_t groups = group_count(batch), threads = kernel::concurrency();
        // The first tasks are whole groups, the others blocks: block 0 of each group that is left, then block 1, ...
        const std::size_t whole = !can_share || threads == 1 ? groups : groups / threads * threads;
        const std::size_t shared = groups - whole;
        std::size_t part = block;  // of a shared group
        while (part > unit && shared * (group_size / part) < threads) part /= 2;
        const std::size_t per_group = group_size / part, tasks = whole + shared * per_group;
        const std::size_t slot_count = (std::max)(std::size_t{1}, (std::min)(tasks, threads));
        // Sizes that do not shrink where a smaller batch is cut into more tasks.
        const std::size_t most_slots = (std::min)(can_share ? groups * group_size : groups, threads);
        const std::size_t most_shared = can_share && threads > 1 ? (std::min)(groups, threads - 1) * group_size : 0;
        if (scratch_.size() < most_slots) scratch_.resize(most_slots);
        if (grads_.size() < groups) grads_.resize(groups);
        if (progress_.size() < most_shared) progress_ = std::vector<BlockProgress>(most_shared);
        for (BlockProgress& progress : progress_) progress.additions = 0;

        // samples at .. at + most of group g
        const auto call = [&](std::size_t g, std::size_t at, std::size_t most, std::size_t slot, BlockOrder* order) {
            const std::size_t first = g * group_size + at, end = (std::min)(batch, (g + 1) * group_size);
            if (first >= end) return;
            const std::size_t count = (std::min)(most, end - first);
            if constexpr (can_share)
                f(first, count, first / unit, scratch_[slot], grads_[g], order);
            else
                f(first, count, first / unit, scratch_[slot], grads_[g]);
        };
        kernel::for_each_slot(tasks, slot_count, [&](std::size_t task, std::size_t slot) {
            if (task < whole) {
                set_zero(grads_[task]);
                for (std::size_t at = 0; at < group_size; at += block) call(task, at, block, slot, nullptr);
                return;
            }
            const std::size_t at = (task - whole) / shared, of = (task - whole) % shared;
            BlockProgress* const progress = &progress_[of * per_group];
            BlockOrder order{at == 0 ? nullptr : &progress[at - 1], progress[at], spin_};
            const Finish finish{order};
            if (at == 0) set_zero(grads_[whole + of]);
            // Isolated: a thread that waits for tasks which f starts must not take a later block of the same group.
            kernel::run_isolated([&] { call(whole + of, at * part, part, slot, &order); });
        });
        reduce(groups, grad);
    }
    std::vector<Scratch>& scratch() { return scratch_; }

private:
    static constexpr std::size_t chunk = 4096, line = 1024;

    static void require_divisor(const char* what, std::size_t divisor, std::size_t of) {
        if (divisor == 0 || of % divisor != 0)
            throw ArgumentError("Grouped: " + std::string{what} + ": " +
                                expected_got("a divisor of " + std::to_string(of), std::to_string(divisor)));
    }

    struct Finish {
        BlockOrder& order;
        ~Finish() { order.finish(); }
    };

    void reduce(std::size_t groups, P& grad) {
        leaves_.clear();
        P::each(detail::AddSpan<T>{leaves_}, grad);
        for (std::size_t g = 0; g < groups; ++g) P::each(detail::AddSpan<T>{leaves_}, grads_[g]);
        const std::size_t count = leaves_.size() / (groups + 1);
        pieces_.clear();
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t begin = 0; begin < leaves_[i].size(); begin += chunk)
                pieces_.push_back({i, begin, (std::min)(chunk, leaves_[i].size() - begin)});
        kernel::for_each_slot(pieces_.size(), kernel::concurrency(), [&](std::size_t n, std::size_t) {
            const Piece& piece = pieces_[n];
            // 4 KiB of each group at a time: the sums of four groups stay in L1.
            for (std::size_t begin = 0; begin < piece.size; begin += line) {
                const std::size_t size = (std::min)(line, piece.size - begin);
                // Part 0 is grad, part g + 1 is group g; the sum is a binary tree over the groups.
                const auto part = [&](std::size_t g) {
                    return std::span<T>{leaves_[g * count + piece.leaf].data() + piece.begin + begin, size};
                };
                for (std::size_t stride = 1; stride < groups; stride *= 2)
                    for (std::size_t g = 1; g + stride <= groups; g += 2 * stride)
                        kernel::add<T>(part(g), part(g + stride), part(g));
                kernel::add<T>(part(0), part(1), part(0));
            }
        });
    }

    struct Piece {
        std::size_t leaf, begin, size;
    };
    std::vector<P> grads_;
    std::vector<Scratch> scratch_;
    std::vector<BlockProgress> progress_;
    kernel::AdaptiveSpin spin_{BlockOrder::spins};
    std::vector<std::span<T>> leaves_;
    std::vector<Piece> pieces_;
};

}  // namespace tessera::nn
