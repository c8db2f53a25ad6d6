#pragma once
// How many classes a prior can tell apart; a set with fewer leaves rows of a small table unused.

#include <cstddef>

namespace digits {

inline constexpr std::size_t most_classes = 64;

}  // namespace digits
