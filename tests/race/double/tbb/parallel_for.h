#pragma once
// parallel_for on std::thread, in place of oneTBB, for ThreadSanitizer: it sees that threads are started and joined, and
// nothing else orders them. An installed oneTBB is not compiled for it, so its own atomics look like races; whoever
// suppresses these also suppresses every race inside a task, whose stack has oneTBB in it.

#include <tbb/task_group.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace tbb {

/// Of one arena. Three threads share the last of four groups of samples.
inline constexpr int threads = 3;

struct simple_partitioner {};

/// f(begin) .. f(end - 1), each in a thread that ends before this returns; none begins before all have been started, which
/// a relaxed counter says, because it orders nothing else.
template <class F>
void parallel_for(std::size_t begin, std::size_t end, const F& f, simple_partitioner, task_group_context&) {
    std::atomic<std::size_t> started{0};
    const auto run = [&](std::size_t i) {
        started.fetch_add(1, std::memory_order_relaxed);
        while (started.load(std::memory_order_relaxed) < end - begin) std::this_thread::yield();
        f(i);
    };
    std::vector<std::thread> others;
    for (std::size_t i = begin + 1; i < end; ++i) others.emplace_back([&run, i] { run(i); });
    if (begin < end) run(begin);
    for (std::thread& other : others) other.join();
}

}  // namespace tbb
