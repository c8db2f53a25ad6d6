#pragma once
// CheckResult: true where every rule of a contract holds; otherwise its message names the first rule that does not.
//
// The message says where it failed, what was expected and what came. Any test framework that prints what it checks
// prints the message; the stream operator is a template, so that no stream header is needed here.

#include <tessera/core/abi.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI::testing {

struct CheckResult {
    std::string message;  // empty: every rule holds

    explicit operator bool() const { return message.empty(); }
};

template <class Stream>
auto operator<<(Stream& out, const CheckResult& result) -> decltype(out << result.message) {
    return out << (result ? "every rule holds" : result.message);
}

}  // namespace tessera::testing
