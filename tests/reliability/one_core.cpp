// one_core: both threads of a team on one core. How much processor time do these take more than with one thread?
//
//     a group of 16 samples in four blocks, whose backward passes wait for each other at each of six layers
//     a team that meets after each of eight steps of 49 rounds, as one that draws a sequence of 49 tokens does
//
// The time is the processor's, which other programs of the machine do not change: on one core it is the time that
// passes, because no thread sleeps here. Of a team all of it counts, at most a tenth more: when threads spun for 50 us
// at each wait, it took 80 to 180 % longer. The threads of a group wait only once in each turn that the system gives
// them, so that spinning for 100 us is 6 % of the whole time, which a machine that is busy hides; so the time outside
// of the layers counts, which is what waiting costs: 0.1 to 0.3 % of the whole time more with two threads than with
// one, 5.2 to 5.9 % when they spun. It may be 2 %.
//
// Exit code 77 where the clocks of processor time count in steps above 20 us, 0.5 % of the shortest run: with ticks of
// 10 ms all of them would take none or one, and two threads never longer than one.

#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/exec/grouped.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>
#include <sched.h>
#include <utility>
#include <vector>

namespace {

using namespace tessera;

struct Scratch {};

double milliseconds(clockid_t clock) {
    std::timespec t{};
    ::clock_gettime(clock, &t);
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

/// The smallest step of a clock while this thread computes, in milliseconds; infinite where it stands still for 1 s.
double smallest_step(clockid_t clock) {
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 20; ++i) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{1};
        const double begun = milliseconds(clock);
        double now = begun;
        while (now <= begun && std::chrono::steady_clock::now() < end) now = milliseconds(clock);
        if (now <= begun) break;
        least = std::min(least, now - begun);
    }
    return least;
}

void compute(std::size_t us) {
    volatile float x = 1;
    for (std::size_t i = 0; i < us * 250; ++i) x = x * 1.0001f + 0.1f;
}

std::atomic<std::int64_t> inside_ns{0};

/// Adds its processor time to `inside_ns`.
void layer(std::size_t us) {
    const double begun = milliseconds(CLOCK_THREAD_CPUTIME_ID);
    compute(us);
    inside_ns += static_cast<std::int64_t>(1e6 * (milliseconds(CLOCK_THREAD_CPUTIME_ID) - begun));
}

/// Whether this is not the first thread that called it.
bool is_second_thread() {
    thread_local int own = 0;
    static std::atomic<int*> first{nullptr};
    int* found = nullptr;
    return !first.compare_exchange_strong(found, &own) && found != &own;
}

struct Time {
    double all = 0, outside = 0;  // milliseconds; `outside` of the layers
};

/// Medians of many runs in turns, in an arena of one thread and in one of two.
template <class F>
std::pair<Time, Time> measure(F f) {
    constexpr std::size_t runs = 31;
    tbb::task_arena arenas[]{tbb::task_arena{1}, tbb::task_arena{2}};
    std::vector<double> all[2], outside[2];
    for (std::size_t i = 0; i < 2 * runs; ++i) {
        inside_ns = 0;
        const double begun = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
        arenas[i % 2].execute(f);
        all[i % 2].push_back(milliseconds(CLOCK_PROCESS_CPUTIME_ID) - begun);
        outside[i % 2].push_back(all[i % 2].back() - 1e-6 * static_cast<double>(inside_ns.load()));
    }
    const auto median = [](std::vector<double>& v) {
        std::ranges::nth_element(v, v.begin() + runs / 2);
        return v[runs / 2];
    };
    return {{median(all[0]), median(outside[0])}, {median(all[1]), median(outside[1])}};
}

/// Whether two workers take too long.
template <class F>
bool slow_team(const char* name, F f) {
    const auto [one, two] = measure(f);
    std::printf("%s %.2f ms with one thread, %.2f with two (%+.0f %%); ", name, one.all, two.all,
                100 * (two.all / one.all - 1));
    return !(two.all <= 1.1 * one.all);
}

/// Whether the threads of a group wait too long.
template <class F>
bool slow_group(F f) {
    const auto [one, two] = measure(f);
    const double waits = (two.outside - one.outside) / two.all;
    std::printf("a group %.2f ms with one thread, %.2f with two, of which waits are %.1f %%; ", one.all, two.all,
                100 * waits);
    return !(waits <= 0.02);
}

}  // namespace

int main() {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(::sched_getcpu(), &only);
    if (::sched_setaffinity(0, sizeof only, &only) != 0) {  // threads that are started later inherit it
        std::perror("sched_setaffinity");
        return 2;
    }
    const double resolution = std::max(smallest_step(CLOCK_PROCESS_CPUTIME_ID), smallest_step(CLOCK_THREAD_CPUTIME_ID));
    if (resolution > 0.02) {
        std::printf("the clocks of processor time count in steps of %.3g ms, which is too coarse", resolution);
        return 77;
    }
    const tbb::global_control more{tbb::global_control::max_allowed_parallelism, 2};
    std::atomic<bool> together{false}, shared{false};
    nn::Grouped<Empty, Scratch> groups;
    Empty grad;
    bool failed = slow_group([&] {
        groups.run(nn::group_size, grad,
                   [&](std::size_t, std::size_t, std::size_t, Scratch&, Empty&, nn::BlockOrder* order) {
                       if (order && is_second_thread()) shared = true;
                       for (int n = 0; n < 6; ++n) layer(150);
                       for (int n = 0; n < 6; ++n) nn::in_order(order, [] { layer(150); });
                   });
    });
    for (const std::size_t us : {std::size_t{10}, std::size_t{60}})
        failed |= slow_team(us == 10 ? "a team, steps of 10 us," : "a team, steps of 60 us,", [&] {
            kernel::run_team(kernel::concurrency(), 49, [&](const kernel::Worker& me, std::size_t) {
                if (me.size() > 1) together = true;
                for (int step = 0; step < 8; ++step) {
                    compute(us / me.size());
                    me.wait();
                }
            });
        });
    std::printf("%s, %s\n", shared ? "the group had two threads" : "the group never had two threads",
                together ? "the team had two workers" : "the team never had two workers");
    return failed || !shared || !together;
}
