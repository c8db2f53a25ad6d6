#pragma once
// Lifetime: a member by which the holder of a pointer learns that the object was moved from or destroyed.
//
//     class Model { Lifetime lifetime_; public: Lifetime& lifetime() { return lifetime_; } };
//     class Holder { Model* model_; Lifetime::Watch watch_; };      // watch_{model.lifetime()}
//
// The holder keeps a Watch and can refuse to use the pointer instead of reading freed memory. The object follows the
// rule of zero: its implicit copies and moves do the right thing through this member. A copy is a new object without
// watches. Watches of one object must be made, moved and destroyed by one thread at a time, like the object itself.
//
// Cost     a Lifetime is one pointer; a Watch is a node of a linked list and allocates nothing; notifying is linear in
//          the number of watches

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

class Lifetime {
public:
    enum class State : std::uint8_t { alive, moved, ended };

    Lifetime() = default;
    Lifetime(const Lifetime&) noexcept {}
    Lifetime(Lifetime&& other) noexcept { other.notify(State::moved); }
    Lifetime& operator=(const Lifetime&) noexcept { return *this; }
    /// Move assignment to the object: it is alive as before, and `other` counts as moved from.
    Lifetime& operator=(Lifetime&& other) noexcept {
        if (this != &other) other.notify(State::moved);
        return *this;
    }
    ~Lifetime() { notify(State::ended); }

    /// Holds the state of the object. A copy watches the same object.
    class Watch {
    public:
        explicit Watch(Lifetime& of) noexcept { join(&of); }
        Watch(const Watch& other) noexcept : state_{other.state_} { join(other.of_); }
        Watch& operator=(const Watch& other) noexcept {
            if (this == &other) return *this;
            leave();
            state_ = other.state_;
            join(other.of_);
            return *this;
        }
        ~Watch() { leave(); }

        [[nodiscard]] State state() const noexcept { return state_; }

    private:
        friend class Lifetime;

        // Watches of one object are a doubly linked list, so that none of them allocates.
        void join(Lifetime* of) noexcept {
            of_ = of;
            before_ = nullptr;
            after_ = of ? of->first_ : nullptr;
            if (after_) after_->before_ = this;
            if (of) of->first_ = this;
        }
        void leave() noexcept {
            if (!of_) return;
            (before_ ? before_->after_ : of_->first_) = after_;
            if (after_) after_->before_ = before_;
            of_ = nullptr;
        }

        Lifetime* of_ = nullptr;  // null after the object was moved from or destroyed
        Watch* before_ = nullptr;
        Watch* after_ = nullptr;
        State state_ = State::alive;
    };

private:
    void notify(State state) noexcept {
        for (Watch* watch = first_; watch;) {
            Watch* const next = watch->after_;
            watch->state_ = state;
            watch->of_ = nullptr;
            watch = next;
        }
        first_ = nullptr;
    }

    Watch* first_ = nullptr;
};

}  // namespace tessera
