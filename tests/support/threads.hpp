#pragma once
// Work in an arena with a number of threads that does not depend on the cores.

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstddef>

namespace support {

/// f() with at most `threads` threads at once, also on a machine of fewer cores.
template <class F>
auto with_threads(std::size_t threads, F f) {
    const tbb::global_control more{tbb::global_control::max_allowed_parallelism, (std::max)(std::size_t{4}, threads)};
    tbb::task_arena arena{static_cast<int>(threads)};
    return arena.execute(f);
}

}  // namespace support
