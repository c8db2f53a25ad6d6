#pragma once
// parallel: tasks over a fixed set of indices; the only file that includes oneTBB.
//
// Nothing here makes an arena or a thread: the caller's arena decides how many threads run. What a task computes
// depends only on its index, and no sum is taken across tasks here, so results do not depend on the number of threads.
// `slot` numbers the places where tasks run at the same time, 0 .. slot_count - 1. Scratch is indexed by slot and not
// by thread, because a thread that waits inside a task may start another one.
//
// While it waits, a thread starts no task of the host: a task that takes a mutex which the host holds around our call
// would deadlock. Our tasks do not belong to the host's task group either: a host's task that throws would cancel ours
// in the middle of a step without an error.
//
// Errors   an exception of f is rethrown to the caller; indices that no task had claimed by then are not run
// Cost     one atomic increment for each index; with one slot no call of TBB

#include <tessera/core/fp_environment.hpp>
#include <tessera/core/intrinsics.hpp>

// Qt defines `emit`, which is a function in oneTBB. No macro is defined here, which only core/abi.hpp and version.hpp
// may do: the host's is out of the way while oneTBB is read, and is back afterwards.
#pragma push_macro("emit")
#undef emit
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#pragma pop_macro("emit")

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <new>

#if defined(TBB_INTERFACE_VERSION) && TBB_INTERFACE_VERSION < 12050
#error "tessera: needs oneTBB 2021.5 or newer; the compiler has found the headers of an older one first"
#endif

namespace tessera::inline TESSERA_ABI::kernel {

/// For the body of a loop that waits for another core.
inline void pause_thread() {
#if defined(__SSE2__)
    _mm_pause();
#endif
}

/// How many tasks can run at the same time in the calling thread's arena.
inline std::size_t concurrency() {
    return static_cast<std::size_t>((std::max)(1, tbb::this_task_arena::max_concurrency()));
}

/// Calls f. Meanwhile this thread runs no task of any other loop when it waits for its own.
template <class F>
void run_isolated(F&& f) {
    tbb::this_task_arena::isolate(f);
}

namespace detail {

// The part of for_each_slot that does not depend on its function, so that oneTBB's templates are compiled once for all
// loops: there were 190 of them in one file of tests. call(body, index, slot) costs a jump for each index.
inline void share_indices(std::size_t count, std::size_t slot_count, void (*call)(void*, std::size_t, std::size_t),
                          void* body) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr error;  // of the body; not through TBB, which allocates for it and terminates if that fails
    const auto run = [&](std::size_t slot) {
        try {
            with_fp_environment([&] {
                for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) call(body, i, slot);
            });
        } catch (...) {
            next.store(count, std::memory_order_relaxed);
            if (!failed.exchange(true)) error = std::current_exception();
        }
    };
    tbb::task_group_context own{tbb::task_group_context::isolated};
    try {
        tbb::this_task_arena::isolate(
            [&] { tbb::parallel_for(std::size_t{0}, slot_count, run, tbb::simple_partitioner{}, own); });
    } catch (const std::bad_alloc&) {
        run(0);  // TBB has no memory for its tasks; those that started have finished, and the rest runs here
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace detail

/// f(index, slot) for index in 0 .. count - 1, claimed one at a time by at most slot_count tasks. One slot (or one
/// index) runs in the calling thread without TBB. An exception of f is rethrown here; indices not yet claimed are then
/// not run.
template <class F>
void for_each_slot(std::size_t count, std::size_t slot_count, F&& f) {
    slot_count = (std::min)(slot_count, count);
    if (slot_count <= 1) {
        return with_fp_environment([&] {
            for (std::size_t i = 0; i < count; ++i) f(i, std::size_t{0});
        });
    }
    auto body = [&](std::size_t index, std::size_t slot) { f(index, slot); };
    const auto call = [](void* b, std::size_t index, std::size_t slot) {
        (*static_cast<decltype(body)*>(b))(index, slot);
    };
    detail::share_indices(count, slot_count, call, &body);
}

/// f(begin, end) for chunks of `grain` indices of 0 .. count - 1; the chunks are the same for any number of threads.
template <class F>
void for_chunks(std::size_t count, std::size_t grain, F&& f) {
    const std::size_t chunks = (count + grain - 1) / grain;
    for_each_slot(chunks, concurrency(),
                  [&](std::size_t c, std::size_t) { f(c * grain, (std::min)(count, (c + 1) * grain)); });
}

}  // namespace tessera::kernel
