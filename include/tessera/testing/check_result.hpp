#pragma once
// CheckResult: true where every rule of a contract holds; otherwise its message names the first rule that does not.
//
// The message says where it failed, what was expected and what came. `not_checked` names what the checker could not
// test, because the part does not have it or an option of the check is not set: steps of a layer, allocations without a
// counter. Any test framework that prints what it checks prints both; the stream operator is a template, so that no
// stream header is needed here.

#include <tessera/core/abi.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI::testing {

struct CheckResult {
    std::string message{};  ///< empty: every rule that was checked holds
    /// "steps (the layer has none), allocation (no counter)"; empty: every rule was checked
    std::string not_checked{};

    explicit operator bool() const { return message.empty(); }
};

template <class Stream>
auto operator<<(Stream& out, const CheckResult& result) -> decltype(out << result.message) {
    std::string text = result ? "every rule holds" : result.message;
    if (result && !result.not_checked.empty()) text += "; not checked: " + result.not_checked;
    return out << text;
}

namespace detail {
/// Adds `what` to the list of rules that were not checked, if `is_so`.
inline void not_checked(std::string& list, bool is_so, const char* what) {
    if (!is_so) return;
    if (!list.empty()) list += ", ";
    list += what;
}
}  // namespace detail

}  // namespace tessera::testing
