#pragma once
// Spare: memory that a const object keeps from one call for the next, however many threads call it.
//
// A call takes what there is, or nothing while another call has it, and gives it back at its end. Copies of the owner
// begin without it, as it has no meaning between calls.
//
// Cost     two atomic exchanges for a call

#include <tessera/core/abi.hpp>

#include <atomic>
#include <memory>

namespace tessera::inline TESSERA_ABI::detail {

template <class T>
class Spare {
public:
    Spare() = default;
    Spare(const Spare&) noexcept {}
    Spare& operator=(const Spare&) noexcept { return *this; }
    ~Spare() { give(nullptr); }

    /// What the last call left, or null.
    [[nodiscard]] std::unique_ptr<T> take() const noexcept { return std::unique_ptr<T>{kept_.exchange(nullptr)}; }
    /// Keeps it, and deletes what was kept before.
    void give(std::unique_ptr<T> one) const noexcept { const std::unique_ptr<T> old{kept_.exchange(one.release())}; }

private:
    mutable std::atomic<T*> kept_ = nullptr;
};

}  // namespace tessera::detail
