#pragma once
// InUse: says so when an object is used again while it still works: by another thread, or from a callback.

#include <tessera/core/error.hpp>

#include <atomic>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// A copy is an object of its own, which nobody uses yet.
class InUse {
public:
    InUse() = default;
    InUse(const InUse&) {}
    InUse& operator=(const InUse&) { return *this; }

    /// Holds the object for as long as it lives.
    class Guard {
    public:
        /// Throws StateError when the object is held already.
        Guard(InUse& object, const char* what) : object_{object} {
            if (object_.held_.exchange(true, std::memory_order_acquire))
                throw StateError(std::string{what} + ": is at work already: expected one call at a time");
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
