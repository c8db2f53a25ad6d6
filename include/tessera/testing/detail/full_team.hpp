#pragma once
// run_full_team: run_team (kernel/threads/team.hpp) with threads that it starts, so that a check has a full team on any
// machine and in any arena.

#include <tessera/core/fp_environment.hpp>
#include <tessera/kernel/threads/team.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace tessera::inline TESSERA_ABI::testing::detail {

/// f(worker, round) as in run_team, by `size` workers, the caller among them, that all run every round. An exception of
/// f is rethrown here.
template <class F>
void run_full_team(std::size_t size, std::size_t rounds, F&& f) {
    enum class Begin { not_yet, now, never };
    size = std::clamp(size, std::size_t{1}, kernel::Team::max_workers);
    kernel::Team team(size, rounds, size);
    std::atomic<Begin> begin{Begin::not_yet};
    const auto take_part = [&] { with_fp_environment([&] { team.join(f); }); };
    const auto wait_and_take_part = [&] {
        while (begin.load(std::memory_order_acquire) == Begin::not_yet) std::this_thread::yield();
        if (begin.load(std::memory_order_relaxed) == Begin::now) take_part();
    };
    std::vector<std::thread> others;
    try {
        others.reserve(size);
        while (others.size() + 1 < size) others.emplace_back(wait_and_take_part);
        begin.store(Begin::now, std::memory_order_release);
    } catch (...) {
        begin.store(Begin::never, std::memory_order_release);
        for (std::thread& other : others) other.join();
        throw;
    }
    take_part();
    for (std::thread& other : others) other.join();
    team.rethrow();
}

}  // namespace tessera::testing::detail
