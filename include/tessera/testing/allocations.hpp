#pragma once
// allocations: how often this program has called operator new, for the checkers.
//
//     #include <tessera/testing/count_allocations.hpp>       // in exactly one .cpp of the test program
//     CHECK(check_layer<MyLayer, Shape<3, 4>>({.allocations = allocations}));     // in any .cpp
//
// The function is defined by count_allocations.hpp, which replaces operator new of the whole program: a program that
// calls it without that include does not link. Another counter must replace every form of operator new: the
// library's buffers call the one with an alignment. A checker refuses a counter that does not see both.

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::testing {

/// Calls of any form of operator new so far, in all threads.
[[nodiscard]] std::size_t allocations() noexcept;

}  // namespace tessera::testing
