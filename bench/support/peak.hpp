#pragma once
// The peak: floating-point operations per second of this machine at this moment, for fused multiply-adds in registers.
// Every row is measured against the peak just before and just after it, in the same process, because clocks and
// neighbours change from minute to minute.
//
// Accumulators are twelve named variables: more than latency times ports of any machine known, fewer than the sixteen
// registers of AVX2. An array would be kept in memory (35 instead of 113 GFLOP/s). They are loaded and stored around
// the loop, between two compiler barriers: a loop on registers alone may be moved past the clock (shares of 0 % and 108
// % were measured).

#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <thread>
#include <vector>

namespace bench {

namespace simd = tessera::kernel::simd;

namespace detail {
inline constexpr std::size_t accumulators = 12, rounds = 10'000;

/// FLOP/s of one burst, some 30 us.
[[gnu::noinline]] inline double burst() {
    using V = simd::Vec<float>;
    using Clock = std::chrono::steady_clock;
    constexpr std::size_t W = simd::width<float>;
    alignas(64) float m[accumulators * W];
    std::iota(m, m + accumulators * W, 1.f);
    const V a(0.5f), b(0.5f);  // every accumulator goes to 1: no denormal, no overflow
    asm volatile("" : : "r"(m) : "memory");
    const auto start = Clock::now();
    asm volatile("" : : "r"(m) : "memory");
    V c0 = simd::load(m), c1 = simd::load(m + W), c2 = simd::load(m + 2 * W), c3 = simd::load(m + 3 * W);
    V c4 = simd::load(m + 4 * W), c5 = simd::load(m + 5 * W), c6 = simd::load(m + 6 * W), c7 = simd::load(m + 7 * W);
    V c8 = simd::load(m + 8 * W), c9 = simd::load(m + 9 * W), c10 = simd::load(m + 10 * W),
      c11 = simd::load(m + 11 * W);
    for (std::size_t i = 0; i < rounds; ++i) {
        c0 = simd::fma<float>(a, c0, b);
        c1 = simd::fma<float>(a, c1, b);
        c2 = simd::fma<float>(a, c2, b);
        c3 = simd::fma<float>(a, c3, b);
        c4 = simd::fma<float>(a, c4, b);
        c5 = simd::fma<float>(a, c5, b);
        c6 = simd::fma<float>(a, c6, b);
        c7 = simd::fma<float>(a, c7, b);
        c8 = simd::fma<float>(a, c8, b);
        c9 = simd::fma<float>(a, c9, b);
        c10 = simd::fma<float>(a, c10, b);
        c11 = simd::fma<float>(a, c11, b);
    }
    simd::store(m, c0);
    simd::store(m + W, c1);
    simd::store(m + 2 * W, c2);
    simd::store(m + 3 * W, c3);
    simd::store(m + 4 * W, c4);
    simd::store(m + 5 * W, c5);
    simd::store(m + 6 * W, c6);
    simd::store(m + 7 * W, c7);
    simd::store(m + 8 * W, c8);
    simd::store(m + 9 * W, c9);
    simd::store(m + 10 * W, c10);
    simd::store(m + 11 * W, c11);
    asm volatile("" : : "r"(m) : "memory");
    const std::chrono::duration<double> seconds = Clock::now() - start;
    return static_cast<double>(2 * accumulators * W * rounds) / seconds.count();
}

/// The best of several bursts within some milliseconds: an interrupted burst says nothing about the machine.
inline double best_burst() {
    double best = 0;
    for (int i = 0; i < 150; ++i) best = std::max(best, burst());
    return best;
}
}  // namespace detail

/// FLOP/s of `threads` threads: the sum over threads while all run.
inline double peak(std::size_t threads) {
    if (threads == 1) return detail::best_burst();
    std::vector<double> each(threads);
    {
        std::barrier start{static_cast<std::ptrdiff_t>(threads)};
        std::vector<std::jthread> pool;
        for (double& result : each)
            pool.emplace_back([&] {
                start.arrive_and_wait();
                result = detail::best_burst();
            });
    }
    return std::accumulate(each.begin(), each.end(), 0.0);
}

}  // namespace bench
