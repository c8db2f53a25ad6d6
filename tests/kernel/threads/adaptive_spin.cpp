#include <tessera/kernel/threads/adaptive_spin.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

using tessera::kernel::AdaptiveSpin;

namespace {

constexpr int most_spins = 1000;
/// True when called for the n-th time.
auto at_call(int n) {
    return [n]() mutable { return --n == 0; };
}

}  // namespace

TEST_CASE("AdaptiveSpin: a wait ends when its condition is true, while it spins and after, or with its exception") {
    AdaptiveSpin spin{most_spins};
    spin.wait(at_call(1));
    spin.wait(at_call(20));
    spin.wait(at_call(2 * most_spins));
    CHECK_THROWS_WITH_AS(spin.wait([]() -> bool { throw std::runtime_error{"other"}; }), "other", std::runtime_error);
    std::atomic<bool> ready{false};
    std::thread other{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
        ready = true;
    }};
    spin.wait([&] { return ready.load(); });
    other.join();
    CHECK(ready);
}

namespace {

/// Each reading is `step` later than the one before.
struct FakeClock {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<FakeClock, duration>;
    static inline duration time{0}, step{0};
    static time_point now() { return time_point{time += step}; }
};

}  // namespace

TEST_CASE("AdaptiveSpin: after one long yield waits spin less, and fully again when yields have been short for 20 ms") {
    tessera::kernel::BasicAdaptiveSpin<FakeClock> spin{most_spins};
    FakeClock::time = std::chrono::hours{1};
    FakeClock::step = std::chrono::microseconds{6};
    spin.wait(at_call(most_spins + 5));
    CHECK(spin.shares_core());
    FakeClock::step = std::chrono::microseconds{1};
    spin.wait(at_call(most_spins));  // longer than 64 spins, some 2 ms
    CHECK(spin.shares_core());
    FakeClock::time += std::chrono::milliseconds{17};
    spin.wait(at_call(70));
    CHECK(spin.shares_core());
    FakeClock::time += std::chrono::milliseconds{2};
    spin.wait(at_call(70));
    CHECK(!spin.shares_core());
    FakeClock::step = std::chrono::microseconds{6};
    FakeClock::time += std::chrono::milliseconds{30};
    spin.wait(at_call(most_spins + 5));  // a long one is not forgotten, whenever it comes
    CHECK(spin.shares_core());
}

#if defined(__linux__)
TEST_CASE(
    "AdaptiveSpin: who waits for a thread of its own core spins less the next time, until a wait ends while it spins") {
    AdaptiveSpin spin{most_spins};
    const auto to_this_core = [core = sched_getcpu()] {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(core, &only);
        return sched_setaffinity(0, sizeof only, &only) == 0;
    };
    std::atomic<bool> begun{false}, ready{false}, allowed{true};
    std::thread waits{[&] {
        allowed = to_this_core();
        while (!begun) std::this_thread::yield();
        spin.wait([&] { return ready.load(); });
    }};
    std::thread works{[&] {
        if (!to_this_core()) allowed = false;
        begun = true;
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{50};
        while (std::chrono::steady_clock::now() < end) {
        }
        ready = true;
    }};
    waits.join();
    works.join();
    REQUIRE(allowed);
    CHECK(spin.shares_core());
    for (int i = 0; i < 4; ++i) spin.wait(at_call(3));  // 64, 128, 256, 512, 1000
    CHECK(!spin.shares_core());

    AdaptiveSpin copy{spin};
    CHECK(!copy.shares_core());
}
#endif
