#pragma once
// batch_share: the samples of a batch that one of several processes computes.
//
//     groups = samples / 16 rounded up;   width = the smallest power of two that is at least groups / ranks
//     process `rank` computes groups rank width .. (rank + 1) width - 1, if they exist
//
// The gradients of groups of 16 samples are added in a binary tree with stride doubling (nn/exec/grouped.hpp).
// Consecutive shares of a power-of-two number of groups are complete subtrees of it, so any number of processes gives
// the same bits as one. The price: where the number of groups is not a power of two times the number of processes, the
// load is uneven, and the last processes may get no samples (12 groups in 4 processes: 4, 4, 4, 0).

#include <tessera/core/abi.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

/// Samples in a group, whose gradients are added before those of other groups. A constant, never derived from the
/// machine.
inline constexpr std::size_t group_size = 16;

struct BatchShare {
    std::size_t first = 0, count = 0;
};
/// Which of the processes: 0 <= rank < ranks.
struct ProcessRank {
    std::size_t rank = 0, ranks = 1;
};

[[nodiscard]] constexpr BatchShare batch_share(std::size_t samples, ProcessRank process) noexcept {
    const std::size_t groups = (samples + group_size - 1) / group_size;
    const std::size_t width = std::bit_ceil((groups + process.ranks - 1) / process.ranks) * group_size;
    const std::size_t first = (std::min)(samples, process.rank * width);
    return {first, (std::min)(width, samples - first)};
}

}  // namespace tessera
