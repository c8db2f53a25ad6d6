#pragma once
// Lifetime: a member of an object to which others hold a pointer. A Watch on it knows when the object has been moved from
// or destroyed, so that the holder can refuse to use the pointer instead of reading memory that is gone.
//
//     class Model { Lifetime lifetime_; public: Lifetime& lifetime() { return lifetime_; } };
//     class Holder { Model* model_; Lifetime::Watch watch_; };      // watch_{model.lifetime()}
//
// Rule of zero: the object's own copies and moves do the right thing through this member. A copy is a new object that
// nobody watches. Watches of one object are made, moved and destroyed by one thread at a time, as the object is.

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

class Lifetime {
public:
    enum class State : std::uint8_t { alive, moved, ended };

    Lifetime() = default;
    Lifetime(const Lifetime&) noexcept {}
    Lifetime(Lifetime&& other) noexcept { other.tell(State::moved); }
    Lifetime& operator=(const Lifetime&) noexcept { return *this; }
    /// The object takes over another one's contents and stays where it is; the other one is empty.
    Lifetime& operator=(Lifetime&& other) noexcept {
        if (this != &other) other.tell(State::moved);
        return *this;
    }
    ~Lifetime() { tell(State::ended); }

    /// Knows what has become of the object. A copy watches the same object.
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

        Lifetime* of_ = nullptr;  // null once the object is gone
        Watch* before_ = nullptr;
        Watch* after_ = nullptr;
        State state_ = State::alive;
    };

private:
    void tell(State state) noexcept {
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
