#pragma once
// same_everywhere(communicator, bytes): whether all processes have the same bytes; all get the same answer.
//
// For what must be equal before N processes can act as one run: a hash of the weights, the options, the size of a data
// set.
//
// Cost     two lists of sizes, and one broadcast of `bytes`

#include <tessera/dist/all_gather_count.hpp>
#include <tessera/dist/communicator.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::dist {

namespace detail {

inline bool all_are(const std::vector<std::uint64_t>& counts, std::uint64_t expected) {
    return std::all_of(counts.begin(), counts.end(), [&](std::uint64_t count) { return count == expected; });
}

}  // namespace detail

template <Communicator C>
[[nodiscard]] bool same_everywhere([[maybe_unused]] C& communicator,
                                   [[maybe_unused]] std::span<const std::byte> bytes) {
    if constexpr (single_process<C>) {
        return true;
    } else {
        const std::vector<std::uint64_t> lengths = all_gather_count(communicator, bytes.size());
        if (!detail::all_are(lengths, lengths[0])) return false;
        std::vector<std::byte> first(bytes.begin(), bytes.end());
        communicator.broadcast(first, 0);
        const bool equal = std::equal(first.begin(), first.end(), bytes.begin(), bytes.end());
        return detail::all_are(all_gather_count(communicator, equal ? 1 : 0), 1);
    }
}

}  // namespace tessera::dist
