#pragma once
// A list of labels from their numbers: support::labels_of({2, 0, 1}).

#include <tessera/core/label.hpp>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace support {

inline std::vector<tessera::Label> labels_of(std::initializer_list<std::uint32_t> indices) {
    std::vector<tessera::Label> list;
    for (const std::uint32_t index : indices) list.push_back(tessera::Label{index});
    return list;
}

}  // namespace support
