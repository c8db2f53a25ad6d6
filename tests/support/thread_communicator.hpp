#pragma once
// A communicator between threads of one process, with which the code for several processes is tested without MPI.
//
//     const auto results = support::run_ranks(3, [](support::ThreadCommunicator& c) { return c.rank(); });
//
// It is as strict as an MPI may be: send returns when the other side has received the bytes (code that relies on a
// buffer deadlocks), and lengths must be equal. A deadlock is an error: when one rank throws, or all others wait for
// one another or for a rank that has returned, every waiting rank gets a CommunicationError.

#include <tessera/core/error.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/detail/peer.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace support {

class ThreadWorld {
public:
    explicit ThreadWorld(std::size_t size) : ranks_(size) {}
    std::size_t size() const { return ranks_.size(); }

    void send(std::span<const std::byte> bytes, std::size_t me, std::size_t to) {
        std::unique_lock lock{mutex_};
        ranks_[me] = {Doing::sending, to, bytes, false};
        wait(lock, me, [&] { return ranks_[me].taken; });
        ++messages_;
        bytes_ += bytes.size();
    }
    void receive(std::span<std::byte> bytes, std::size_t me, std::size_t from) {
        std::unique_lock lock{mutex_};
        ranks_[me] = {Doing::receiving, from, {}, false};
        wait(lock, me, [&] { return offered(from, me); });
        const std::span<const std::byte> offer = ranks_[from].offer;
        if (offer.size() != bytes.size()) {
            const std::string text = "rank " + std::to_string(me) + " from rank " + std::to_string(from) +
                                     ": bytes: " + tessera::expected_got(bytes.size(), offer.size());
            fail(text);
            throw tessera::CommunicationError(text);
        }
        if (!bytes.empty()) std::memcpy(bytes.data(), offer.data(), bytes.size());
        ranks_[from].taken = true;
        changed_.notify_all();
    }
    /// This rank has returned, or thrown.
    void leave(std::size_t me, const std::string& why) {
        const std::lock_guard lock{mutex_};
        ranks_[me].doing = Doing::left;
        if (!why.empty()) fail("rank " + std::to_string(me) + " threw: " + why);
        look_for_deadlock();
    }
    /// All that was sent so far, by all ranks.
    std::size_t messages() const { return locked(messages_); }
    std::size_t bytes() const { return locked(bytes_); }

private:
    enum class Doing { running, sending, receiving, left };
    struct Rank {
        Doing doing = Doing::running;
        std::size_t other = 0;
        std::span<const std::byte> offer;
        bool taken = false;
    };

    std::size_t locked(const std::size_t& value) const {
        const std::lock_guard lock{mutex_};
        return value;
    }
    bool offered(std::size_t from, std::size_t to) const {
        const Rank& r = ranks_[from];
        return r.doing == Doing::sending && r.other == to && !r.taken;
    }
    bool can_go_on(std::size_t i) const {
        const Rank& r = ranks_[i];
        return r.doing == Doing::running || (r.doing == Doing::sending && r.taken) ||
               (r.doing == Doing::receiving && offered(r.other, i));
    }
    void look_for_deadlock() {
        bool all_left = true;
        for (std::size_t i = 0; i < ranks_.size(); ++i) {
            if (can_go_on(i)) return;
            all_left &= ranks_[i].doing == Doing::left;
        }
        if (!all_left) fail("all ranks that are left wait for one another");
    }
    void fail(const std::string& why) {
        if (failure_.empty()) failure_ = why;
        changed_.notify_all();
    }
    template <class Done>
    void wait(std::unique_lock<std::mutex>& lock, std::size_t me, Done done) {
        changed_.notify_all();
        look_for_deadlock();
        changed_.wait(lock, [&] { return done() || !failure_.empty(); });
        ranks_[me].doing = Doing::running;
        if (!done() && !failure_.empty()) throw tessera::CommunicationError(failure_);
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Rank> ranks_;
    std::string failure_;
    std::size_t messages_ = 0, bytes_ = 0;
};

class ThreadCommunicator {
public:
    ThreadCommunicator(ThreadWorld& world, std::size_t rank) : world_{&world}, rank_{rank} {}

    std::size_t rank() const { return rank_; }
    std::size_t size() const { return world_->size(); }
    void send(std::span<const std::byte> bytes, std::size_t to) {
        tessera::dist::detail::check_other("ThreadCommunicator: send", to, rank_, size());
        world_->send(bytes, rank_, to);
    }
    void receive(std::span<std::byte> bytes, std::size_t from) {
        tessera::dist::detail::check_other("ThreadCommunicator: receive", from, rank_, size());
        world_->receive(bytes, rank_, from);
    }
    void broadcast(std::span<std::byte> bytes, std::size_t root) {
        tessera::dist::detail::check_root("ThreadCommunicator: broadcast", root, size());
        if (rank_ != root) return receive(bytes, root);
        for (std::size_t to = 0; to < size(); ++to)
            if (to != root) send(bytes, to);
    }
    ThreadWorld& world() { return *world_; }

private:
    ThreadWorld* world_;
    std::size_t rank_;
};
static_assert(tessera::dist::Communicator<ThreadCommunicator> && !tessera::dist::single_process<ThreadCommunicator>);

/// Calls f(communicator) on `size` ranks at once, and returns their results by rank. The first exception is rethrown.
template <class F>
auto run_ranks(std::size_t size, F f) {
    using Result = std::invoke_result_t<F&, ThreadCommunicator&>;
    static_assert(!std::is_same_v<Result, bool>, "elements of vector<bool> share bytes: writing two is a race");
    using Kept = std::conditional_t<std::is_void_v<Result>, char, Result>;
    ThreadWorld world{size};
    std::vector<Kept> results(size);
    std::mutex mutex;
    std::exception_ptr first;
    const auto run = [&](std::size_t rank) {
        ThreadCommunicator communicator{world, rank};
        std::string why;
        try {
            if constexpr (std::is_void_v<Result>)
                f(communicator);
            else
                results[rank] = f(communicator);
        } catch (...) {
            const std::lock_guard lock{mutex};
            if (!first) first = std::current_exception();
            why = "an exception";
            try {
                throw;
            } catch (const std::exception& e) {
                why = e.what();
            } catch (...) {
            }
        }
        world.leave(rank, why);
    };
    std::vector<std::thread> threads;
    for (std::size_t rank = 0; rank < size; ++rank) threads.emplace_back(run, rank);
    for (std::thread& thread : threads) thread.join();
    if (first) std::rethrow_exception(first);
    if constexpr (!std::is_void_v<Result>) return results;
}

}  // namespace support
