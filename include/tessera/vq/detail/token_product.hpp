#pragma once
// product_up_to_tokens: the size of a vocabulary that is a product of levels.

#include <tessera/core/token.hpp>

#include <cstddef>
#include <initializer_list>

namespace tessera::inline TESSERA_ABI::detail {

// The product of the levels, or no_token where it is larger: it must not wrap around.
constexpr std::size_t product_up_to_tokens(std::initializer_list<std::size_t> levels) {
    std::size_t product = 1;
    for (const std::size_t l : levels) product = l != 0 && product >= no_token / l ? no_token : product * l;
    return product;
}

}  // namespace tessera::detail
