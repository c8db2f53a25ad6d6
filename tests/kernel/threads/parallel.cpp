#include <tessera/kernel/threads/parallel.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/threads.hpp>

#include <tessera/core/error.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using support::with_threads;
namespace kernel = tessera::kernel;

namespace {

void work_a_little() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

}  // namespace

TEST_CASE("parallel: concurrency is that of the caller's arena") {
    std::size_t one = 0, three = 0;
    with_threads(1, [&] { one = kernel::concurrency(); });
    with_threads(3, [&] { three = kernel::concurrency(); });
    CHECK(one == 1);
    CHECK(three == 3);
}

TEST_CASE("parallel: for_each_slot visits every index once, for any number of slots") {
    with_threads(4, [] {
        support::Mismatch wrong;
        for (std::size_t count : {0u, 1u, 2u, 7u, 100u, 1000u})
            for (std::size_t slots : {0u, 1u, 2u, 4u, 64u}) {
                std::vector<std::atomic<int>> visits(count);
                std::atomic<bool> in_range{true};
                kernel::for_each_slot(count, slots, [&](std::size_t i, std::size_t slot) {
                    ++visits[i];
                    if (slot >= std::max<std::size_t>(slots, 1)) in_range = false;
                });
                for (std::size_t i = 0; i < count; ++i)
                    wrong.compare(1, visits[i].load(), "visits of ", i, ", count = ", count, ", slots = ", slots);
                wrong.require(in_range, "slots in range, count = ", count, ", slots = ", slots);
            }
        CHECK(wrong.first() == "");
    });
}

TEST_CASE("parallel: a slot is never used by two tasks at once, even if tasks start tasks") {
    with_threads(4, [] {
        std::vector<std::atomic<int>> busy(4);
        std::atomic<int> collisions{0}, inner{0};
        kernel::for_each_slot(64, 4, [&](std::size_t, std::size_t slot) {
            if (busy[slot].fetch_add(1) != 0) ++collisions;
            work_a_little();
            kernel::for_each_slot(8, 4, [&](std::size_t, std::size_t) {
                ++inner;
                work_a_little();
            });
            busy[slot].fetch_sub(1);
        });
        CHECK(collisions == 0);
        CHECK(inner == 64 * 8);
    });
}

TEST_CASE("parallel: a thread that waits for its tasks starts none of the host's") {
    with_threads(4, [] {
        std::atomic<int> nested{0}, shared{0}, spawned{0};
        std::atomic<bool> done{false};
        tbb::task_group host;
        static thread_local bool waiting = false;  // in this thread's call of for_each_slot
        host.run([&] {                             // another thread of the arena, which always has a task to give away
            for (; !done; std::this_thread::sleep_for(std::chrono::microseconds(20)))
                host.run([&] {
                    ++spawned;
                    if (waiting) ++nested;
                });
        });
        while (spawned == 0) std::this_thread::yield();
        for (int i = 0; i < 20; ++i) {
            const auto caller = std::this_thread::get_id();
            waiting = true;
            kernel::for_each_slot(16, 4, [&](std::size_t, std::size_t) {
                if (std::this_thread::get_id() == caller) return work_a_little();
                ++shared;
                std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that the caller has to wait
            });
            waiting = false;
        }
        done = true;
        host.wait();
        CHECK(nested == 0);
        CHECK(shared > 0);
    });
}

TEST_CASE("parallel: a task of the host that throws cancels the host's, and none of ours") {
    with_threads(2, [] {
        std::atomic<bool> begun{false};
        std::atomic<int> done{0};
        const auto host = [&] {
            tbb::parallel_for(
                0, 2,
                [&](int task) {
                    if (task == 0) {
                        while (!begun) std::this_thread::yield();
                        throw std::runtime_error("of the host");
                    }
                    begun = true;
                    while (!tbb::is_current_task_group_canceling()) std::this_thread::yield();
                    kernel::for_each_slot(100, 2, [&](std::size_t, std::size_t) { ++done; });
                },
                tbb::simple_partitioner{});
        };
        CHECK_THROWS_WITH_AS(host(), "of the host", std::runtime_error);
        CHECK(done == 100);
    });
}

TEST_CASE("parallel: several threads run tasks where the arena has them") {
    with_threads(4, [] {
        std::mutex lock;
        std::set<std::thread::id> threads;
        kernel::for_each_slot(64, 4, [&](std::size_t, std::size_t) {
            work_a_little();
            const std::lock_guard hold(lock);
            threads.insert(std::this_thread::get_id());
        });
        CHECK(threads.size() > 1);
    });
}

TEST_CASE("parallel: one slot runs in the calling thread, in order, without TBB") {
    std::vector<std::size_t> order;
    support::Mismatch wrong;
    bool unknown_before = false, unknown_after = false;
    const auto unknown = [] {
        return tbb::this_task_arena::current_thread_index() == tbb::task_arena::not_initialized;
    };
    std::thread([&] {  // a thread that TBB has never seen
        const auto id = std::this_thread::get_id();
        unknown_before = unknown();
        kernel::for_each_slot(5, 1, [&](std::size_t i, std::size_t slot) {
            order.push_back(i + slot);
            wrong.require(std::this_thread::get_id() == id, "on the caller's thread, i = ", i);
        });
        kernel::for_each_slot(1, 8, [&](std::size_t i, std::size_t slot) { order.push_back(i + slot); });
        unknown_after = unknown();
    })
        .join();
    CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4, 0});
    CHECK(wrong.first() == "");
    CHECK(unknown_before);
    CHECK(unknown_after);
}

TEST_CASE("parallel: an exception reaches the caller with its type and message, and work stops") {
    for (const std::size_t slots : {1u, 4u}) {
        std::atomic<int> done{0};
        std::string message;
        with_threads(4, [&] {
            try {
                kernel::for_each_slot(100000, slots, [&](std::size_t i, std::size_t) {
                    if (i == 5) throw tessera::DataError("images: 5: expected 784 pixels, got 12");
                    ++done;
                });
            } catch (const tessera::DataError& e) {
                message = e.what();
            }
        });
        CHECK(message == "images: 5: expected 784 pixels, got 12");
        CHECK(done < 99999);
    }
}

TEST_CASE("parallel: for_chunks cuts 0 .. count - 1 the same way for any number of threads") {
    using Cut = std::set<std::pair<std::size_t, std::size_t>>;
    const auto cut = [](int threads, std::size_t count, std::size_t grain) {
        Cut chunks;
        with_threads(threads, [&] {
            std::mutex lock;
            kernel::for_chunks(count, grain, [&](std::size_t begin, std::size_t end) {
                const std::lock_guard hold(lock);
                chunks.emplace(begin, end);
            });
        });
        return chunks;
    };
    CHECK(cut(1, 10, 4) == Cut{{0, 4}, {4, 8}, {8, 10}});
    CHECK(cut(4, 10, 4) == Cut{{0, 4}, {4, 8}, {8, 10}});
    CHECK(cut(4, 8, 4) == Cut{{0, 4}, {4, 8}});
    CHECK(cut(4, 3, 4) == Cut{{0, 3}});
    CHECK(cut(4, 0, 4) == Cut{});
}

TEST_CASE("parallel: tasks flush denormals, and the caller's floating-point environment is restored") {
    const auto product = [] {
        volatile float x = std::numeric_limits<float>::min(), half = 0.5f;
        return static_cast<float>(x * half);
    };
    if constexpr (sizeof(tessera::FlushDenormals) > 1) {  // where there is a mode to set
        for (const std::size_t slots : {1u, 4u})
            with_threads(4, [&] {
                std::atomic<int> kept{0};
                kernel::for_each_slot(64, slots, [&](std::size_t, std::size_t) {
                    work_a_little();
                    if (product() > 0) ++kept;
                });
                CHECK(kept == 0);
                CHECK(product() > 0);
            });
    }
}
