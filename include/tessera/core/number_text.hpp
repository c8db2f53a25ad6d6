#pragma once
// number_text(x): a number with every digit that it needs to be read back as the same one, in every locale.

#include <tessera/core/abi.hpp>

#include <charconv>
#include <concepts>
#include <string>

namespace tessera::inline TESSERA_ABI {

template <std::floating_point T>
[[nodiscard]] std::string number_text(T x) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

}  // namespace tessera::inline TESSERA_ABI
