#pragma once
// run_team, Team, Worker: a few threads that compute every step of a long chain of small products together.
//
//     run_team(4, rounds, [&](Worker& worker, std::size_t round) {
//         ... columns worker.share(n) of one product ...
//         worker.wait();                                      // until all workers are here
//         ... columns worker.share(n) of the next ...
//     });
//
// Used for one sequence that is sampled token by token, and for one image that goes through a net. Each worker computes
// its share of the columns and waits for the others; its share of the weights stays in its L2.
//
// The team never waits for a thread that may not come (a host's arena may be busy): the leader begins alone, and
// threads that arrive join at the beginning of a round. So f must not depend on the number of workers, nor keep state
// of its worker from round to round. A worker that waits spins, and yields after some 50 us. Where workers share a core
// the leader takes the next 16 rounds alone, then tries again, then 32 rounds, up to 1024. After as many rounds
// together the next time is 16 again, so that a few interruptions do not leave a long chain to one thread.
//
// Errors   an exception of f in any worker ends the team and is rethrown to the caller
// Cost     a wait takes 0.1 us when each worker has a core

#include <tessera/kernel/threads/adaptive_spin.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

class Team;

/// When the leader of a team whose workers share a core takes rounds alone.
class SoloRounds {
public:
    static constexpr std::size_t fewest = 16, most = 1024;

    /// Whether the next round is one of them. `shares_core()`: of the rounds together since `renew()`, which forgets
    /// the waits during the solo ones.
    template <class P>
    bool next(P& spin) {
        if (left_ > 0) {
            if (--left_ > 0) return true;
            spin.renew();
            together_ = 0;
        } else if (spin.shares_core()) {
            left_ = length_;
            length_ = (std::min)(2 * length_, most);
            return true;
        }
        if (++together_ == length_) length_ = fewest;
        return false;
    }

private:
    std::size_t left_ = 0, length_ = fewest, together_ = 0;
};

/// One of the threads of a round.
class Worker {
public:
    Worker() = default;
    std::size_t id() const { return id_; }
    std::size_t size() const { return size_; }
    /// The share of this worker in 0 .. n - 1: [first, second).
    std::pair<std::size_t, std::size_t> share(std::size_t n) const { return {n * id_ / size_, n * (id_ + 1) / size_}; }
    /// Waits until all workers of the round have called this; then each sees what the others wrote before.
    void wait() const;

private:
    friend class Team;
    std::size_t id_ = 0, size_ = 1;
    Team* team_ = nullptr;
};

/// The state that the workers of one run_team share.
class Team {
public:
    static constexpr std::size_t max_workers = 64;

    /// At most `workers` of them; the first round waits for `min_workers`.
    Team(std::size_t workers, std::size_t rounds, std::size_t min_workers = 1)
        : workers_{workers}, rounds_{rounds}, min_workers_{min_workers} {}

    template <class F>
    void join(F& f) {
        Worker me;
        me.team_ = this;
        me.id_ = arrived_.fetch_add(1, std::memory_order_relaxed);
        if (me.id_ == 0)
            run_leader(me, f);
        else
            run_worker(me, f);
    }
    void wait(const Worker& me) {
        const std::uint64_t mine = waits_[me.id_].value.load(std::memory_order_relaxed) + 1;
        waits_[me.id_].value.store(mine, std::memory_order_release);
        for (std::size_t i = 0; i < me.size_; ++i)
            spin_.wait([&] {
                if (failed_.load(std::memory_order_acquire)) throw Stopped{};
                return waits_[i].value.load(std::memory_order_acquire) >= mine;
            });
    }
    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

private:
    struct Stopped {};  // another worker has failed
    struct alignas(64) Count {
        std::atomic<std::uint64_t> value{0};
    };
    // A round and the number of its workers in one word, so that a worker always reads both.
    static constexpr std::uint64_t closed = ~std::uint64_t{0};
    static constexpr int size_bits = 16, spins = 4096;  // some 50 us

    template <class F>
    bool run_round(Worker& me, F& f, std::size_t round) {
        try {
            // isolated: a thread that waits for tasks which f starts must not join this team in the meantime
            run_isolated([&] { f(me, round); });
            wait(me);
            return true;
        } catch (const Stopped&) {
        } catch (...) {
            if (!claimed_.exchange(true)) error_ = std::current_exception();
            failed_.store(true, std::memory_order_release);
        }
        return false;
    }
    template <class F>
    void run_leader(Worker& me, F& f) {
        spin_.wait([&] { return arrived_.load(std::memory_order_relaxed) >= min_workers_; });
        SoloRounds solo;
        for (std::size_t round = 0; round < rounds_; ++round) {
            const bool alone = min_workers_ < 2 && solo.next(spin_);
            const std::size_t size = alone ? 1 : (std::min)(arrived_.load(std::memory_order_relaxed), workers_);
            me.size_ = (std::min)(me.size_, size);
            for (; me.size_ < size; ++me.size_)  // new workers start from the leader's count of waits
                waits_[me.size_].value.store(waits_[0].value.load(std::memory_order_relaxed),
                                             std::memory_order_relaxed);
            state_.store((round + 1) << size_bits | size, std::memory_order_release);
            if (!run_round(me, f, round)) break;
        }
        state_.store(closed, std::memory_order_release);
    }
    template <class F>
    void run_worker(Worker& me, F& f) {
        for (std::uint64_t seen = 0;;) {
            std::uint64_t now = 0;
            spin_.wait([&] {
                now = state_.load(std::memory_order_acquire);
                return now == closed || (now != seen && me.id_ < (now & ((1u << size_bits) - 1)));
            });
            if (now == closed) return;
            seen = now;
            me.size_ = now & ((1u << size_bits) - 1);
            if (!run_round(me, f, (now >> size_bits) - 1)) return;
        }
    }

    const std::size_t workers_, rounds_, min_workers_;
    std::array<Count, max_workers> waits_{};
    std::atomic<std::size_t> arrived_{0};
    std::atomic<std::uint64_t> state_{0};
    std::atomic<bool> failed_{false}, claimed_{false};
    AdaptiveSpin spin_{spins};
    std::exception_ptr error_;
};

inline void Worker::wait() const {
    if (team_ && size_ > 1) team_->wait(*this);
}

/// f(worker, round) for round in 0 .. rounds - 1, by at most `workers` threads (64) at once; a round begins when all
/// workers have finished the one before. An exception of f ends the team and is rethrown here. With one worker TBB is
/// not used.
template <class F>
void run_team(std::size_t workers, std::size_t rounds, F&& f) {
    if (workers <= 1) {
        return with_fp_environment([&] {
            Worker alone;
            for (std::size_t round = 0; round < rounds; ++round) f(alone, round);
        });
    }
    workers = (std::min)(workers, Team::max_workers);
    Team team(workers, rounds);
    for_each_slot(workers, workers, [&](std::size_t, std::size_t) { team.join(f); });
    team.rethrow();
}

}  // namespace tessera::kernel
