#pragma once
// Counts calls of operator new: linking counting_allocator.cpp replaces it in the whole test program.

#include <cstddef>

namespace support {

/// Calls of any form of operator new so far, in all threads.
std::size_t allocations();

}  // namespace support
