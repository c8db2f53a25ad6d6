#pragma once
// number_text: a number as the shortest text that reads back as the same number, in every locale.
//
// A bool becomes "true" or "false".

#include <tessera/core/abi.hpp>

#include <charconv>
#include <concepts>
#include <string>

namespace tessera::inline TESSERA_ABI {

template <class T>
    requires std::floating_point<T> || std::integral<T>
[[nodiscard]] std::string number_text(T x) {
    if constexpr (std::same_as<T, bool>) {
        return x ? "true" : "false";
    } else {
        char text[32];
        return {text, std::to_chars(text, text + sizeof text, x).ptr};
    }
}

}  // namespace tessera
