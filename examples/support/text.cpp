#include "text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace digits {

namespace {
template <class... A>
std::string print(const char* format, A... a) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, a...);
    return text.data();
}
}  // namespace

std::string fixed(double x, int decimals) { return print("%.*f", decimals, x); }

std::string significant(double x, int figures) {
    if (x == 0 || !std::isfinite(x)) return print("%g", x);
    const int before = static_cast<int>(std::floor(std::log10(std::abs(x)))) + 1;
    std::string text = fixed(x, std::max(0, figures - before));
    if (text.find('.') == std::string::npos) return text;
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
}

std::string grouped(std::size_t n) {
    const std::string text = std::to_string(n);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i != 0 && (text.size() - i) % 3 == 0) out += ',';
        out += text[i];
    }
    return out;
}

std::string grouped_number(double x) {
    if (!(std::abs(x) < 1e15)) return significant(x);
    return (x < 0 ? "-" : "") + grouped(static_cast<std::size_t>(std::abs(x)));
}

std::string clock_time(double seconds) {
    if (!(seconds < 1e9)) return "?";
    const auto whole = static_cast<long>(std::max(0.0, std::ceil(seconds)));
    if (whole >= 3600) return print("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    return print("%ld:%02ld", whole / 60, whole % 60);
}

std::string describe_passes(std::size_t passes, std::optional<std::size_t> given) {
    const std::string count = std::to_string(passes);
    return given && *given > passes ? count + " (--passes " + std::to_string(*given) + ": one token in each)" : count;
}

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    return out;
}

}  // namespace digits
