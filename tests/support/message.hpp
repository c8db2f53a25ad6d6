#pragma once
// The message of the error that a call throws; "" when it throws none, "another error: ..." when it is not an
// E.

#include <exception>
#include <string>

namespace support {

template <class E, class F>
std::string message(F&& call) {
    try {
        call();
    } catch (const E& e) {
        return e.what();
    } catch (const std::exception& e) {
        return std::string{"another error: "} + e.what();
    }
    return {};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace support
