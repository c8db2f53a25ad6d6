#pragma once
// The most classes that a prior distinguishes; with fewer classes some rows of its embedding table are unused.

#include <cstddef>

namespace digits {

inline constexpr std::size_t max_classes = 64;

}  // namespace digits
