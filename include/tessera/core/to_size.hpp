#pragma once
// to_size: converts a 64-bit count that is known to fit to std::size_t.

#include <tessera/core/abi.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

template <std::unsigned_integral N>
[[nodiscard]] constexpr std::size_t to_size(N n) noexcept {
    return static_cast<std::size_t>(n);  // depends on N, so -Wuseless-cast is silent where the types are the same
}

}  // namespace tessera
