#include <tessera/kernel/threads/team.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <tessera/testing/detail/full_team.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using support::with_threads;
namespace kernel = tessera::kernel;

namespace {

/// Every round sums what the previous round has written, in two steps, so that a worker that runs ahead or lags changes
/// the sum.
std::vector<long> chain(std::size_t workers, std::size_t rounds, std::size_t* most = nullptr) {
    constexpr std::size_t n = 37;
    std::vector<long> a(n, 1), b(n);
    std::atomic<std::size_t> largest{0};
    kernel::run_team(workers, rounds, [&](kernel::Worker& me, std::size_t round) {
        if (me.id() == 0 && me.size() > largest) largest = me.size();
        const auto [begin, end] = me.share(n);
        for (std::size_t i = begin; i < end; ++i) b[i] = (a[i] + a[(i + 1) % n] + static_cast<long>(round)) % 1000;
        me.wait();
        for (std::size_t i = begin; i < end; ++i) a[i] = (3 * b[i] + b[(i + 5) % n]) % 1000;
    });
    if (most) *most = largest;
    return a;
}

}  // namespace

TEST_CASE("team: a chain of steps gives the same result for any number of workers and threads") {
    const auto alone = chain(1, 300);
    for (const int threads : {1, 2, 4})
        with_threads(threads, [&] {
            for (const std::size_t workers : {1u, 2u, 3u, 4u, 9u}) CHECK(chain(workers, 300) == alone);
        });
    CHECK(chain(2, 0) == std::vector<long>(37, 1));
}

TEST_CASE("team: threads that arrive later join") {
    with_threads(4, [] {
        std::atomic<bool> together{false};
        kernel::run_team(3, 2000, [&](kernel::Worker& me, std::size_t) {
            if (me.size() > 1) together = true;
            if (!together) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
        CHECK(together);
    });
}

TEST_CASE("team: a worker that waits for its tasks does not join the team a second time") {
    const auto sleep = [](int us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); };
    with_threads(3, [&] {
        std::size_t teams = 0;
        for (int again = 0; again < 50; ++again) {
            tbb::task_group host;
            std::atomic<bool> busy{false}, free{false};
            host.run([&] {  // keeps one of the three threads away, so that a place of the team is still to be taken ...
                busy = true;
                while (!free) std::this_thread::yield();
            });
            while (!busy) std::this_thread::yield();
            bool waited = false;
            kernel::run_team(3, 400, [&](kernel::Worker& me, std::size_t) {
                if (me.id() != 0 || waited) return;
                if (me.size() < 2) return sleep(50);
                waited = free = true;  // ... and then comes for the task, or for the place
                tbb::task_group own;
                own.run([&] { sleep(300); });
                sleep(100);
                own.wait();
            });
            free = true;
            host.wait();
            teams += waited;
        }
        CHECK(teams > 25);
    });
}

TEST_CASE("SoloRounds: a team of shared cores comes back for a round, later each time, and sooner once it has stayed") {
    struct {
        bool shared = true;
        bool shares_core() const { return shared; }
        void renew() { shared = false; }
    } spin;
    kernel::SoloRounds solo;
    const auto count_alone = [&] {
        spin.shared = true;
        std::size_t count = 0;
        while (solo.next(spin)) {
            ++count;
            spin.shared = true;  // who waits meanwhile is interrupted, too
        }
        return count;
    };
    for (const std::size_t expected : {16u, 32u, 64u, 128u, 256u, 512u, 1024u, 1024u}) CHECK(count_alone() == expected);
    for (int round = 0; round < 1023; ++round) CHECK(!solo.next(spin));
    CHECK(count_alone() == 16);
    for (int round = 0; round < 5; ++round) CHECK(!solo.next(spin));
    CHECK(count_alone() == 32);
}

TEST_CASE("team: shares cover everything once") {
    with_threads(4, [] {
        std::vector<std::atomic<int>> times(11);
        kernel::run_team(4, 1, [&](kernel::Worker& me, std::size_t) {
            const auto [begin, end] = me.share(times.size());
            for (std::size_t i = begin; i < end; ++i) ++times[i];
        });
        for (const auto& t : times) CHECK(t == 1);
    });
}

TEST_CASE("team: an exception of any worker ends the team and reaches the caller") {
    for (const std::size_t bad : {0u, 1u})
        with_threads(4, [&] {
            const auto run = [&] {
                kernel::run_team(3, 5000, [&](kernel::Worker& me, std::size_t round) {
                    me.wait();
                    if (me.id() == bad && round >= 3) throw std::runtime_error("of a worker");
                    if (me.size() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                    me.wait();
                });
            };
            CHECK_THROWS_WITH_AS(run(), "of a worker", std::runtime_error);
            CHECK(chain(3, 50) == chain(1, 50));
        });
}

TEST_CASE("team: one worker runs in the caller's thread") {
    const auto here = std::this_thread::get_id();
    support::Mismatch wrong;
    kernel::run_team(1, 3, [&](kernel::Worker& me, std::size_t round) {
        wrong.require(std::this_thread::get_id() == here, "on the caller's thread, round ", round);
        wrong.compare(1, me.size(), "size, round ", round);
        me.wait();
    });
    CHECK(wrong.first() == "");
}

TEST_CASE("team: all workers of a full team run every round, and an exception of one reaches the caller") {
    for (const std::size_t size : {1u, 2u, 3u}) {
        std::vector<std::size_t> sizes(size * 50);
        tessera::testing::detail::run_full_team(
            size, 50, [&](const kernel::Worker& me, std::size_t round) { sizes[round * size + me.id()] = me.size(); });
        CHECK(sizes == std::vector<std::size_t>(size * 50, size));
        std::string text;
        try {
            tessera::testing::detail::run_full_team(size, 50, [&](const kernel::Worker& me, std::size_t round) {
                if (round == 7 && me.id() + 1 == size) throw std::runtime_error{"seven"};
            });
        } catch (const std::runtime_error& error) {
            text = error.what();
        }
        CHECK(text == "seven");
    }
}
