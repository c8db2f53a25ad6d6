#pragma once
// allocations.cpp replaces operator new of the whole executable with one that counts.

#include <cstddef>

namespace bench {

/// Calls of any form of operator new so far, in all threads.
std::size_t allocations();

/// Largest resident size of this process so far, in MiB.
double peak_memory();

/// Calls in one step, after two steps that may still allocate their workspace.
template <class Training>
double allocations_of_a_step(Training& training) {
    constexpr std::size_t steps = 4;
    for (int i = 0; i < 2; ++i) training.step();
    const std::size_t before = allocations();
    for (std::size_t i = 0; i < steps; ++i) training.step();
    return static_cast<double>(allocations() - before) / static_cast<double>(steps);
}

}  // namespace bench
