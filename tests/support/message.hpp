#pragma once
// The message of the E that a call throws; "" when it throws nothing, "another error: ..." when it throws another type.

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
