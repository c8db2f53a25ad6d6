#pragma once
// Label: the class of an example, as a distinct type.
//
// A token or another integer does not convert to a class: `Label{3}` is class 3, and `.index` is the 3.

#include <tessera/core/abi.hpp>

#include <compare>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct Label {
    std::uint32_t index = 0;

    constexpr Label() = default;
    explicit constexpr Label(std::uint32_t class_index) noexcept : index{class_index} {}

    friend constexpr auto operator<=>(const Label&, const Label&) = default;
};

}  // namespace tessera
