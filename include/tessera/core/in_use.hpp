#pragma once
// InUse: detects that an object is changed while another call changes or reads it, in another thread or from a
// callback.
//
//     InUse::Guard guard{in_use_, "Trainer: step"};            changes the object
//     InUse::Reading reading{in_use_, "Trainer: save"};        reads it: others may read it, too
//
// Errors   StateError where the object is in use already
// Cost     two atomic operations for each guarded call

#include <tessera/core/error.hpp>

#include <atomic>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// A copy is a separate object that is not in use.
class InUse {
public:
    InUse() = default;
    InUse(const InUse&) {}
    InUse& operator=(const InUse&) { return *this; }

    /// Marks the object as changing during its own lifetime.
    class Guard {
    public:
        /// `what` begins the message: the class and the call, "Trainer: step".
        Guard(InUse& object, const char* what) : object_{object} {
            int none = 0;
            if (!object_.users_.compare_exchange_strong(none, changing, std::memory_order_acquire)) refuse(what);
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { object_.users_.store(0, std::memory_order_release); }

    private:
        InUse& object_;
    };

    /// Marks the object as being read during its own lifetime.
    class Reading {
    public:
        Reading(InUse& object, const char* what) : object_{object} {
            int readers = object_.users_.load(std::memory_order_relaxed);
            do {
                if (readers == changing) refuse(what);
            } while (!object_.users_.compare_exchange_weak(readers, readers + 1, std::memory_order_acquire));
        }
        Reading(const Reading&) = delete;
        Reading& operator=(const Reading&) = delete;
        ~Reading() { object_.users_.fetch_sub(1, std::memory_order_release); }

    private:
        InUse& object_;
    };

private:
    static constexpr int changing = -1;

    [[gnu::__noreturn__]] static void refuse(const char* what) {
        throw StateError(std::string{what} + ": concurrent or re-entrant call: expected one call at a time");
    }

    std::atomic<int> users_ = 0;  // readers, or changing
};

}  // namespace tessera
