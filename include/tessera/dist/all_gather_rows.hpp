#pragma once
// all_gather_rows(communicator, local, all): the rows of all processes in the order of their ranks, on every process.
//
// Processes may have different numbers of rows, or none. `local` must not be a part of `all`. It is meant for a first
// look at the data (k-means over some thousand vectors), after which all processes compute the same from the same rows.
//
// Cost     one broadcast for each process, and memory for all rows on each

#include <tessera/dist/all_gather_count.hpp>
#include <tessera/dist/communicator.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI::dist {

template <Communicator C, class T, class Allocator>
    requires std::is_trivially_copyable_v<T>
void all_gather_rows(C& communicator, std::span<const std::type_identity_t<T>> local, std::vector<T, Allocator>& all) {
    const std::vector<std::uint64_t> counts = all_gather_count(communicator, local.size());
    std::uint64_t total = 0;
    for (const std::uint64_t count : counts) total += count;
    all.resize(total);
    std::size_t at = 0;
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
        const std::span<T> rows = std::span{all}.subspan(at, counts[rank]);
        if (rank == communicator.rank()) std::ranges::copy(local, rows.begin());
        if constexpr (!single_process<C>)
            if (!rows.empty()) communicator.broadcast(std::as_writable_bytes(rows), rank);
        at += rows.size();
    }
}

}  // namespace tessera::dist
