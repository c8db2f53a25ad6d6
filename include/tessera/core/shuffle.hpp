#pragma once
// detail::shuffle: a Fisher-Yates shuffle with Rng::below.
//
// Every order is equally likely, and the same on every machine. x has fewer than 2^32 elements.
//
// Cost     one number of the generator for each element but the first

#include <tessera/core/rng.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI::detail {

template <class T>
void shuffle(std::span<T> x, Rng& rng) {
    for (std::size_t i = x.size(); i > 1; --i) std::swap(x[i - 1], x[rng.below(static_cast<std::uint32_t>(i))]);
}

}  // namespace tessera::detail
