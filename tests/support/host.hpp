#pragma once
// Hosts of the library: a call in a separate arena, and a program that is itself busy during the call.

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>

namespace support {

/// f() in an arena with this many threads, also on a machine with fewer cores.
template <class F>
auto in_arena(int threads, F f) {
    const tbb::global_control more{tbb::global_control::max_allowed_parallelism, 8};
    tbb::task_arena arena{threads};
    return arena.execute(f);
}

/// f() as one task among many short ones of the host in the same arena.
template <class F>
auto in_busy_arena(int threads, F f) {
    return in_arena(threads, [&] {
        decltype(f()) result{};
        std::atomic<bool> done{false};
        tbb::task_group host;
        for (int i = 0; i < threads - 1; ++i)
            host.run([&] {
                for (bool more = true; more; more = !done.load()) {
                    host.run([] { std::this_thread::sleep_for(std::chrono::microseconds(50)); });
                    std::this_thread::sleep_for(std::chrono::microseconds(500));
                }
            });
        result = f();
        done = true;
        host.wait();
        return result;
    });
}

}  // namespace support
