#pragma once
// in_pieces: MPI counts in int, so messages longer than 2^31 - 1 bytes are sent in consecutive pieces.

#include <tessera/core/abi.hpp>

#include <algorithm>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::dist::detail {

inline constexpr std::size_t longest_piece = std::size_t{1} << 30;

/// Calls f(first, count) for the pieces of `bytes`, each at most `longest` long; not at all where `bytes` is 0.
template <class F>
void in_pieces(std::size_t bytes, std::size_t longest, F&& f) {
    for (std::size_t at = 0; at < bytes; at += (std::min)(longest, bytes - at)) f(at, (std::min)(longest, bytes - at));
}

}  // namespace tessera::dist::detail
