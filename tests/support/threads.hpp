#pragma once
// Work in an arena with a number of threads that does not depend on the cores.

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

namespace support {

/// Runs f with up to four threads allowed, in an arena of `threads`.
template <class F>
void with_threads(int threads, F f) {
    const tbb::global_control allow(tbb::global_control::max_allowed_parallelism, 4);
    tbb::task_arena arena(threads);
    arena.execute(f);
}

}  // namespace support
