#pragma once
// Processes: the part of a training step that a trainer does together with the other processes of a run. With
// dist::Self each call does what a single process needs, and no communication is compiled.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/batch_share.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/dist/all_gather_count.hpp>
#include <tessera/dist/all_gather_rows.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/in_turn.hpp>
#include <tessera/dist/message.hpp>
#include <tessera/dist/same_everywhere.hpp>
#include <tessera/dist/sum_tree.hpp>
#include <tessera/kernel/elementwise.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

// Visitors, as in optim/clip.hpp.
struct AddGradient {
    template <class L>
    void operator()(const ParamPath&, L& sum, const L& more) const {
        kernel::add<typename L::Scalar>(sum.span(), more.span(), sum.span());
    }
};
struct HashLeaf {  // FNV-1a
    std::uint64_t& hash;

    template <class L>
    void operator()(const ParamPath&, const L& leaf) const {
        (*this)(std::as_bytes(leaf.span()));
    }
    void operator()(std::span<const std::byte> bytes) const {
        for (const std::byte b : bytes) hash = (hash ^ static_cast<std::uint64_t>(b)) * 1099511628211u;
    }
};

template <dist::Communicator Comm, Parameters Params>
class Processes {
    static constexpr bool alone = dist::single_process<Comm>;

public:
    explicit Processes(Comm* communicator) : communicator_{communicator} {}

    /// The position of this process's samples in the batch. All processes see all counts, so either all throw or none
    /// does. A count carries in its two lowest bits whether its process has new state, so that either all compare their
    /// state or none does, and whether its samples have a mask, which all must have or none.
    BatchPart part_of(std::size_t local, [[maybe_unused]] bool masked) {
        BatchPart part = BatchPart::whole(local);
        if constexpr (!alone) {
            std::vector<std::uint64_t> counts =
                dist::all_gather_count(*communicator_, 4 * local + (masked ? 2 : 0) + (agreed_ ? 0 : 1));
            agreed_ = true;
            part.samples = 0;
            for (const std::uint64_t count : counts) agreed_ = agreed_ && count % 2 == 0;
            check_masks(counts);
            for (std::uint64_t& count : counts) count /= 4;
            for (std::size_t rank = 0; rank < counts.size(); ++rank) {
                if (rank == communicator_->rank()) part.first = part.samples;
                check_share(counts, rank);
                part.samples += to_size(counts[rank]);
            }
        }
        if (part.samples == 0) throw ArgumentError("Trainer: batch: expected at least one sample, got 0");
        return part;
    }

    /// Before the first step and after a load: ArgumentError where processes differ in state or options. each_state(f)
    /// visits the state; `options` is what else a step depends on.
    template <class EachState>
    void check_same(EachState&& each_state, const std::vector<Setting>& options) {
        if constexpr (!alone) {
            if (agreed_) return;
            std::uint64_t hash = 14695981039346656037u;
            const HashLeaf add{hash};
            each_state(add);
            for (const Setting& option : options)  // with the NUL at its end, so that "1", "10" are not "11", "0"
                add(std::as_bytes(std::span{option.value.c_str(), option.value.size() + 1}));
            if (!dist::same_everywhere(*communicator_, std::as_bytes(std::span{&hash, 1})))
                throw ArgumentError(
                    "Trainer: the processes have different weights, state or options: expected the same "
                    "seed and options in each, or dist::broadcast_state before the first step");
            agreed_ = true;
        }
    }
    void state_changed() { agreed_ = false; }

    /// The rows of all processes, in `all` where there are several.
    template <class T>
    std::span<const T> gather(std::span<const T> rows, std::vector<T>& all) {
        if constexpr (alone) {
            return rows;
        } else {
            dist::all_gather_rows(*communicator_, rows, all);
            return all;
        }
    }

    /// add(g) adds the gradient of this process's samples to g, and fills totals. Afterwards grad and totals are the
    /// sums over all processes.
    template <class F>
    void sum_gradients(Params& grad, std::vector<double>& totals, F&& add) {
        if constexpr (alone) {
            add(grad);
        } else {
            set_zero(own_);
            std::exception_ptr failure;
            try {
                add(own_);
            } catch (...) {
                failure = std::current_exception();
            }
            refuse_together(failure);
            dist::sum_tree(*communicator_, message_, own_, totals);
            Params::each(AddGradient{}, grad, std::as_const(own_));
        }
    }

    /// add() adds this process's part to `statistics`. The processes do so one after another, in the order of the
    /// samples, and the sums have the bits of one process.
    template <Parameters Statistics, class F>
    void continue_sums(Statistics& statistics, F&& add) {
        if constexpr (alone)
            add();
        else
            dist::in_turn(*communicator_, message_, statistics, add);
    }

private:
    // An error in one process (NaN in its samples) must not leave the others waiting for its sum: they throw as well,
    // and a host that catches the errors can continue in all processes.
    void refuse_together(std::exception_ptr failure) {
        const std::vector<std::uint64_t> failed = dist::all_gather_count(*communicator_, failure ? 1 : 0);
        if (failure) std::rethrow_exception(failure);
        for (std::size_t rank = 0; rank < failed.size(); ++rank)
            if (failed[rank] != 0)
                throw CommunicationError("Trainer: rank " + std::to_string(rank) +
                                         " cannot take this step: its own error says why");
    }
    // A process without samples has no mask either.
    static void check_masks(const std::vector<std::uint64_t>& counts) {
        std::string with, without;
        for (std::size_t rank = 0; rank < counts.size(); ++rank)
            if (counts[rank] >= 4)
                if (std::string& first = counts[rank] / 2 % 2 == 1 ? with : without; first.empty())
                    first = std::to_string(rank);
        if (!with.empty() && !without.empty())
            throw ArgumentError(
                "Trainer: batch: mask: " +
                expected_got("one in each process or in none", "one in rank " + with + " and none in rank " + without));
    }
    // Only whole subtrees of the sum over groups can be summed separately without a change of bits.
    static void check_share(const std::vector<std::uint64_t>& counts, std::size_t rank) {
        if (rank == 0 || counts[rank] == 0) return;
        const std::uint64_t width = counts[0];
        const bool whole = width % group_size == 0 && std::has_single_bit(width / group_size);
        if (whole && counts[rank - 1] == width && counts[rank] <= width) return;
        throw ArgumentError("Trainer: batch: ranks " + std::to_string(rank - 1) + " and " + std::to_string(rank) +
                            " hold " + std::to_string(counts[rank - 1]) + " and " + std::to_string(counts[rank]) +
                            " samples: expected all but the last ones to hold the same number, " +
                            std::to_string(group_size) + " times a power of two, and the last ones no more");
    }

    Comm* communicator_;   // null where there is one process
    bool agreed_ = false;  // the processes have the same state
    std::conditional_t<alone, Empty, Params> own_{};
    dist::Message message_;
};

}  // namespace tessera::detail
