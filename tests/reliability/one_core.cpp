// one_core: both threads of a team on one core. How much longer than with one thread do these take?
//
//     a group of 16 samples in four blocks, whose backward passes wait for each other at each of six layers
//     a team that meets after each of eight steps of 49 rounds, as one that draws a sequence of 49 tokens does
//
// The time is the processor's, which other programs of the machine do not change: on one core it is the time that
// passes, because nobody sleeps here. Prints both times, and fails where two threads take more than a tenth longer.
// When threads spun for 100 us and 50 us at each wait, the team took 80 to 180 % longer, the group 6 %.

#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/exec/grouped.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <sched.h>
#include <vector>

namespace {

using namespace tessera;

struct Scratch {};

void compute(std::size_t us) {
    volatile float x = 1;
    for (std::size_t i = 0; i < us * 250; ++i) x = x * 1.0001f + 0.1f;
}

/// Medians of many runs in turns, in an arena of one thread and in one of two; whether two are too slow.
template <class F>
bool slower(const char* name, F f) {
    constexpr std::size_t runs = 31;
    tbb::task_arena arenas[]{tbb::task_arena{1}, tbb::task_arena{2}};
    std::vector<double> ms[2];
    for (std::size_t i = 0; i < 2 * runs; ++i) {
        const std::clock_t begun = std::clock();
        arenas[i % 2].execute(f);
        ms[i % 2].push_back(1e3 * static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC);
    }
    for (auto& m : ms) std::ranges::nth_element(m, m.begin() + runs / 2);
    const double one = ms[0][runs / 2], two = ms[1][runs / 2];
    std::printf("%s %.2f ms with one thread, %.2f with two (%+.0f %%); ", name, one, two, 100 * (two / one - 1));
    return two > 1.1 * one;
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
    const tbb::global_control more{tbb::global_control::max_allowed_parallelism, 2};
    std::atomic<bool> together{false};
    nn::Grouped<Empty, Scratch> groups;
    Empty grad;
    bool failed = slower("a group", [&] {
        groups.run(nn::group_size, grad,
                   [&](std::size_t, std::size_t, std::size_t, Scratch&, Empty&, nn::BlockOrder* order) {
                       for (int layer = 0; layer < 6; ++layer) compute(150);
                       for (int layer = 0; layer < 6; ++layer) nn::in_order(order, [] { compute(150); });
                   });
    });
    for (const std::size_t us : {std::size_t{10}, std::size_t{60}})
        failed |= slower(us == 10 ? "a team, steps of 10 us," : "a team, steps of 60 us,", [&] {
            kernel::run_team(kernel::concurrency(), 49, [&](const kernel::Worker& me, std::size_t) {
                if (me.size() > 1) together = true;
                for (int step = 0; step < 8; ++step) {
                    compute(us / me.size());
                    me.wait();
                }
            });
        });
    std::printf("%s\n", together ? "the team had two workers" : "the team never had two workers");
    return failed || !together;
}
