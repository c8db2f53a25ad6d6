#pragma once
// A list of names for a message, which stays one line.

#include <tessera/core/abi.hpp>
#include <tessera/files/utf8.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::data::detail {

/// "a, b, c, d, e, ... (12)"
inline std::string some_of(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i ? ", " : "") + io::printable(names[i]);
    return names.size() > 5 ? text + ", ... (" + std::to_string(names.size()) + ")" : text;
}

}  // namespace tessera::data::detail
