#pragma once
// HasContents: a member that knows whether its object was given contents, and still has them.
//
//     class Frozen { HasContents packed_; };
//     packed_.set();                                                 at the end of pack()
//     packed_.refuse_empty("Frozen", "packed weights");              at the start of a call that reads them
//
// A copy has what the original has; an object that was moved from has nothing, and can be filled again.
//
// Errors   StateError where refuse_empty is called on an object without contents

#include <tessera/core/error.hpp>

#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI {

class HasContents {
public:
    HasContents() = default;
    HasContents(const HasContents&) = default;
    HasContents(HasContents&& other) noexcept : value_{std::exchange(other.value_, false)} {}
    HasContents& operator=(const HasContents&) = default;
    HasContents& operator=(HasContents&& other) noexcept {
        if (this != &other) value_ = std::exchange(other.value_, false);
        return *this;
    }

    void set() noexcept { value_ = true; }
    /// `where` begins the message, `contents` names what is expected: "FrozenGpt", "packed weights".
    void refuse_empty(const char* where, const char* contents) const {
        if (!value_)
            throw StateError(std::string{where} + ": " +
                             expected_got(contents, std::string{"an object that is empty or was moved from"}));
    }

private:
    bool value_ = false;
};

}  // namespace tessera
