#pragma once
// TokenOrder: the order in which the tokens of a sequence are read or drawn by a prior of any order.

#include <tessera/core/rng.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI {

/// raster: by position; random: every permutation is equally likely, another one for each sequence.
enum class TokenOrder : unsigned char { raster, random };

namespace detail {
/// A Fisher-Yates shuffle with Rng::below: the same on every machine.
inline void shuffle_positions(std::span<std::uint32_t> positions, Rng rng) {
    for (std::size_t i = positions.size(); i > 1; --i)
        std::swap(positions[i - 1], positions[rng.below(static_cast<std::uint32_t>(i))]);
}
/// order[k] = position of the k-th token.
inline void fill_order(TokenOrder kind, std::span<std::uint32_t> order, const Rng& rng) {
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    if (kind == TokenOrder::random) shuffle_positions(order, rng);
}
}  // namespace detail

}  // namespace tessera
