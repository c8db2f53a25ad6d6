#pragma once
// AdaptiveSpin: how threads wait for each other: they spin, then yield, and spin less where they share a core.
//
//     AdaptiveSpin spin{8192};                        of all threads that wait for each other; some 100 us
//     spin.wait([&] { return ready.load(std::memory_order_acquire); });
//
// Who waits for a thread that has another core should spin: when a thread slept through layers of 100 us, two threads
// made a step of 16 images 1.4 instead of 1.75 times as fast as one. Who waits for a thread of the same core keeps it
// from running. Yielding tells them apart: it returns within a microsecond, or after the other thread's turn. So a wait
// that has spun in vain and then yields for more than 5 us reduces the next ones to 64 spins, and each wait that ends
// while it spins doubles them, up to the first number. A wait longer than 64 spins never does: so when yields have been
// short for 20 ms, waits have their first number again, because the core was shared for a moment only. The wait of
// std::atomic is not used: its pool is a writable global.
//
// Cost     a load for each wait that is over at once; two readings of the clock for each yield

#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

namespace tessera::inline TESSERA_ABI::kernel {

template <class Clock = std::chrono::steady_clock>  // of <thread>: all of <chrono> takes 0.06 s to compile
class BasicAdaptiveSpin {
public:
    explicit BasicAdaptiveSpin(int spins) : most_{spins}, spins_{spins} {}
    // Of one run; a copy begins anew.
    BasicAdaptiveSpin(const BasicAdaptiveSpin& other) noexcept : BasicAdaptiveSpin{other.most_} {}
    BasicAdaptiveSpin& operator=(const BasicAdaptiveSpin&) noexcept { return *this; }

    /// Returns when done() is true; what done throws ends the wait.
    template <class Done>
    void wait(Done done) {
        if (done()) return;
        const int spins = spins_.load(std::memory_order_relaxed);
        for (int i = 0; i < spins; ++i) {
            pause_thread();
            if (!done()) continue;
            if (spins < most_) spins_.store((std::min)(2 * spins, most_), std::memory_order_relaxed);
            return;
        }
        while (!done()) {
            const auto begun = Clock::now();
            std::this_thread::yield();
            const auto now = Clock::now();
            if (now - begun > std::chrono::microseconds{5}) {
                reduced_.store(now.time_since_epoch(), std::memory_order_relaxed);
                spins_.store((std::min)(64, most_), std::memory_order_release);  // who sees it sees when it was
            } else if (shares_core() && now.time_since_epoch() - reduced_.load(std::memory_order_relaxed) > retry) {
                renew();
            }
        }
    }
    /// Whether a thread that waited had to share its core, and waits have not ended while they spin since then.
    [[nodiscard]] bool shares_core() const { return spins_.load(std::memory_order_acquire) < most_; }
    /// Forgets it.
    void renew() { spins_.store(most_, std::memory_order_relaxed); }

private:
    static constexpr std::chrono::milliseconds retry{20};  // a wait in vain is 100 us

    const int most_;
    std::atomic<int> spins_;
    std::atomic<typename Clock::duration> reduced_{};  // since the epoch: the last yield that took long
};

using AdaptiveSpin = BasicAdaptiveSpin<>;

}  // namespace tessera::kernel
