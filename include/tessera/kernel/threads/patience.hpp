#pragma once
// Patience: how threads wait for each other: they spin, then yield, and spin less where they share a core.
//
//     Patience patience{8192};                        of all threads that wait for each other; some 100 us
//     patience.wait([&] { return ready.load(std::memory_order_acquire); });
//
// Who waits for a thread that has another core should spin: when a thread slept through layers of 100 us, two threads
// made a step of 16 images 1.4 instead of 1.75 times as fast as one. Who waits for a thread of the same core keeps it
// from running. Yielding tells them apart: it returns within a microsecond, or after the other thread's turn. So a wait
// that has spun in vain and then yields for more than 5 us reduces the next ones to 64 spins, and each wait that ends
// while it spins doubles them, up to the first number. The wait of std::atomic is not used: its pool is a writable
// global.
//
// Cost     a load for each wait that is over at once; two readings of the clock for each yield

#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <thread>

namespace tessera::inline TESSERA_ABI::kernel {

class Patience {
public:
    explicit Patience(int spins) : most_{spins}, spins_{spins} {}
    // Of one run; a copy begins anew.
    Patience(const Patience& other) noexcept : Patience{other.most_} {}
    Patience& operator=(const Patience&) noexcept { return *this; }

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
            const double begun = microseconds();
            std::this_thread::yield();
            if (microseconds() - begun > 5) spins_.store((std::min)(64, most_), std::memory_order_relaxed);
        }
    }
    /// Whether a thread that waited had to share its core, and waits have not ended while they spin since then.
    [[nodiscard]] bool shares_core() const { return spins_.load(std::memory_order_relaxed) < most_; }
    /// Forgets it.
    void renew() { spins_.store(most_, std::memory_order_relaxed); }

private:
    // Not by <chrono>, which takes 0.06 s to compile. If the clock is set meanwhile, a few waits yield too early.
    static double microseconds() {
        std::timespec t{};
        std::timespec_get(&t, TIME_UTC);
        return 1e6 * static_cast<double>(t.tv_sec % 1000) + 1e-3 * static_cast<double>(t.tv_nsec);
    }
    const int most_;
    std::atomic<int> spins_;
};

}  // namespace tessera::kernel
