#pragma once
// CheckResult: true when every rule held; else its message says which did not, where, what was expected and
// what came.

#include <tessera/core/abi.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI::testing {

struct CheckResult {
    std::string message;  // empty: every rule held

    explicit operator bool() const { return message.empty(); }
};

/// Any test framework that prints what it checks prints the message; no stream header is needed here.
template <class Stream>
auto operator<<(Stream& out, const CheckResult& result) -> decltype(out << result.message) {
    return out << (result ? "every rule held" : result.message);
}

}  // namespace tessera::testing
