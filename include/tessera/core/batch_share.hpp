#pragma once
// batch_share(samples, rank, ranks): which samples of a batch a process computes.
//
//     groups = samples / 16 rounded up;   width = the smallest power of two that is at least groups / ranks
//     process `rank` has groups rank width .. (rank + 1) width - 1, as far as there are any
//
// The gradients of groups of 16 samples are added in a binary tree by stride doubling (nn/exec/grouped.hpp). Shares of a power
// of two of groups, one after the other, are whole subtrees of it, so that any number of processes has the bits of one.
// The price: where the groups are not a power of two times the processes some have less, and the last ones perhaps
// nothing (12 groups in 4 processes: 4, 4, 4, 0).

#include <tessera/core/abi.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

/// Samples whose gradients are added first. A constant, never derived from the machine.
inline constexpr std::size_t group_size = 16;

struct BatchShare {
    std::size_t first = 0, count = 0;
};

/// rank < ranks
[[nodiscard]] constexpr BatchShare batch_share(std::size_t samples, std::size_t rank, std::size_t ranks) noexcept {
    const std::size_t groups = (samples + group_size - 1) / group_size;
    const std::size_t width = std::bit_ceil((groups + ranks - 1) / ranks) * group_size;
    const std::size_t first = (std::min)(samples, rank * width);
    return {first, (std::min)(width, samples - first)};
}

}  // namespace tessera
