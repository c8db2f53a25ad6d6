#pragma once
// all_gather_count(communicator, n): the n of every process, by rank; all processes get the same list.
//
// Cost     one broadcast of 8 bytes for each process

#include <tessera/dist/communicator.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::dist {

template <Communicator C>
[[nodiscard]] std::vector<std::uint64_t> all_gather_count(C& communicator, std::uint64_t n) {
    std::vector<std::uint64_t> all(communicator.size(), n);
    if constexpr (!single_process<C>)
        for (std::size_t rank = 0; rank < all.size(); ++rank)
            communicator.broadcast(std::as_writable_bytes(std::span{all}.subspan(rank, 1)), rank);
    return all;
}

}  // namespace tessera::dist
