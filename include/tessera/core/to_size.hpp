#pragma once
// to_size(n): a count of 64 bits that is known to fit, as a std::size_t. Where a size has 64 bits this is no conversion.

#include <tessera/core/abi.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

template <std::unsigned_integral N>
[[nodiscard]] constexpr std::size_t to_size(N n) noexcept {
    return static_cast<std::size_t>(n);  // a cast that depends on N is not called useless where the types are the same
}

}  // namespace tessera
