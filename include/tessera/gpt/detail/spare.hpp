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
#include <utility>

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

    /// f(what `model` freezes to), in kept memory where there is some, which is kept for the next call.
    template <class Model, class F>
    decltype(auto) with_frozen(const Model& model, F&& f) const {
        struct Lease {
            ~Lease() { spare.give(std::move(frozen)); }
            const Spare& spare;
            std::unique_ptr<T> frozen;
        } lease{*this, take()};
        if (lease.frozen)
            model.freeze(*lease.frozen);
        else
            lease.frozen = std::make_unique<T>(model.freeze());
        return std::forward<F>(f)(std::as_const(*lease.frozen));
    }

private:
    mutable std::atomic<T*> kept_ = nullptr;
};

}  // namespace tessera::detail
