#pragma once
// Of oneTBB, what kernel/threads/parallel.hpp uses, on std::thread: see parallel_for.h.

#include <tbb/parallel_for.h>

namespace tbb::this_task_arena {

inline int max_concurrency() { return threads; }

/// Without tasks to take there is nothing to keep apart.
template <class F>
void isolate(F&& f) {
    f();
}

}  // namespace tbb::this_task_arena
