#pragma once
// TokenOrder: the order in which the tokens of a sequence are read or drawn by a prior of any order.

#include <tessera/core/rng.hpp>
#include <tessera/core/shuffle.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::inline TESSERA_ABI {

/// raster: by position; random: every permutation is equally likely, another one for each sequence.
enum class TokenOrder : unsigned char { raster, random };

namespace detail {
inline void shuffle_positions(std::span<std::uint32_t> positions, Rng rng) { shuffle(positions, rng); }
/// order[k] = position of the k-th token.
inline void fill_order(TokenOrder kind, std::span<std::uint32_t> order, const Rng& rng) {
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    if (kind == TokenOrder::random) shuffle_positions(order, rng);
}
}  // namespace detail

}  // namespace tessera
