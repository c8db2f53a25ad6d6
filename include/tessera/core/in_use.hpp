#pragma once
// InUse: detects that an object is used again, by another thread or from a callback, while a call is running.
//
// Errors   StateError where the object is in use already
// Cost     one atomic exchange and one atomic store for each guarded call

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

    /// Marks the object as in use during its own lifetime.
    class Guard {
    public:
        /// `what` begins the message: the class and the call, "Trainer: step".
        Guard(InUse& object, const char* what) : object_{object} {
            if (object_.held_.exchange(true, std::memory_order_acquire))
                throw StateError(std::string{what} + ": concurrent or re-entrant call: expected one call at a time");
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { object_.held_.store(false, std::memory_order_release); }

    private:
        InUse& object_;
    };

private:
    std::atomic<bool> held_ = false;
};

}  // namespace tessera
