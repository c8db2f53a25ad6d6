// The library works in any arena, thread or task that calls it, and leaves it unchanged.
#include <doctest/doctest.h>
#include <embedding/tiny_run.hpp>
#include <support/host.hpp>

#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace embedding;
using support::in_arena;

namespace {

std::uint64_t solo(std::uint64_t seed) { return tiny_run({}, seed).hash; }
std::vector<std::uint64_t> solos(std::size_t count) {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(solo(i));
    return all;
}

}  // namespace

TEST_CASE("Arenas: a host that allows one thread, or one processor, gets the same bits") {
    const auto usual = solo(1);
    {
        const tbb::global_control one{tbb::global_control::max_allowed_parallelism, 1};
        CHECK(solo(1) == usual);
    }
#if defined(__linux__)
    std::uint64_t pinned = 0, pinned_wide = 0;
    std::thread([&] {
        cpu_set_t first;
        CPU_ZERO(&first);
        CPU_SET(static_cast<std::size_t>(sched_getcpu()), &first);
        sched_setaffinity(0, sizeof first, &first);
        pinned = solo(1);
        pinned_wide = in_arena(4, [] { return solo(1); });
    }).join();
    CHECK(pinned == usual);
    CHECK(pinned_wide == usual);
#endif
}

TEST_CASE("Arenas: eight models trained inside a host's parallel_for end with the bits of separate runs") {
    const auto alone = solos(8);
    for (const int threads : {2, 4}) {
        std::vector<std::uint64_t> together(8);
        in_arena(threads, [&] {
            tbb::parallel_for(std::size_t{0}, together.size(), [&](std::size_t i) { together[i] = solo(i); });
            return 0;
        });
        CHECK(together == alone);
    }
}

TEST_CASE("Arenas: two and eight models in separate threads end with the bits of separate runs") {
    const auto alone = solos(8);
    for (const std::size_t count : {2u, 8u}) {
        std::vector<std::uint64_t> together(count);
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&, i] { together[i] = solo(i); });
        for (auto& t : threads) t.join();
        CHECK(std::equal(together.begin(), together.end(), alone.begin()));
    }
}

TEST_CASE(
    "Arenas: a thread that waits for the library's tasks starts none of the host's, so a mutex around a call is safe") {
    TinyTrainer trainer;
    std::mutex one_at_a_time;
    std::uint64_t steps = 0;
    std::atomic<int> nested{0};
    in_arena(4, [&] {
        tbb::parallel_for(0, 4000, [&](int) {
            thread_local bool inside = false;
            if (inside)
                ++nested;  // this thread holds the mutex already
            else if (const std::unique_lock hold{one_at_a_time, std::try_to_lock}) {
                inside = true;
                trainer.step();
                ++steps;
                inside = false;
            } else {
                std::this_thread::sleep_for(std::chrono::microseconds(20));
            }
        });
        return 0;
    });
    CHECK(nested == 0);
    CHECK(steps > 10);
    CHECK(trainer.steps() == steps);
}

#if defined(__SSE2__)
TEST_CASE(
    "Arenas: tasks of the host run in the host's floating-point mode, also while the library's tasks run in parallel") {
    std::atomic<int> tasks{0}, changed{0};
    const auto mode = [] { return _mm_getcsr() & 0xFFC0u; };
    const unsigned usual = mode();
    in_arena(3, [&] {
        tbb::task_group host;
        for (int i = 0; i < 200; ++i)
            host.run([&] {
                ++tasks;
                if (mode() != usual) ++changed;
                if (tasks % 20 == 0) tiny_run();
                if (mode() != usual) ++changed;
            });
        host.wait();
        return 0;
    });
    CHECK(tasks == 200);
    CHECK(changed == 0);
}
#endif
