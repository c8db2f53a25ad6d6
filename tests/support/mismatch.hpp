#pragma once
// Mismatch: the first failed comparison of a loop over cases, as text: which case, what was expected, what came.
//
//     Mismatch wrong;
//     for (const std::size_t n : odd_sizes) wrong.compare(expected(n), got(n), "y, n = ", n);
//     CHECK(wrong.first() == "");      // "y, n = 17, element 3: expected 0.5, got 0.25"
//
// A CHECK inside the loop would count thousands of assertions, and a bool that is accumulated says only `false`. For a
// single pair of values: CHECK(equal_values(expected, got)).

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <ostream>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace support {

namespace mismatch {

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;
template <class T>
concept Pair = requires(const T& value) {
    value.first;
    value.second;
};

/// As operator==, but a count may be compared with an int.
struct Equal {
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
        if constexpr (Integer<A> && Integer<B>)
            return std::cmp_equal(a, b);
        else
            return a == b;
    }
};
/// Floating-point numbers bit for bit: 0 is not -0, and a NaN is equal to the same NaN.
struct SameBits {
    template <std::floating_point T>
    bool operator()(T a, T b) const {
        using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
        return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
    }
};

inline std::string text(std::string_view s) { return std::string{s}; }
template <class T>
    requires(!std::convertible_to<T, std::string_view>)
std::string text(const T& value) {
    if constexpr (std::same_as<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::floating_point<T>) {
        char buffer[40];
        std::snprintf(buffer, sizeof buffer, "%.*g", std::numeric_limits<T>::max_digits10, static_cast<double>(value));
        return buffer;
    } else if constexpr (std::is_arithmetic_v<T>) {
        return std::to_string(value);
    } else if constexpr (requires { value.index; }) {
        return text(value.index);
    } else if constexpr (Pair<T>) {
        return '(' + text(value.first) + ", " + text(value.second) + ')';
    } else {
        return "another value";
    }
}

}  // namespace mismatch

/// "" where two ranges or two values are equal, "element 17: expected 3, got 4" otherwise.
template <class E, class G, class Equal = mismatch::Equal>
std::string first_difference(const E& expected, const G& got, Equal equal = {}) {
    if constexpr (std::convertible_to<E, std::string_view> && std::convertible_to<G, std::string_view> &&
                  std::same_as<Equal, mismatch::Equal>) {
        if (std::string_view{expected} == std::string_view{got}) return "";
        return "expected \"" + mismatch::text(expected) + "\", got \"" + mismatch::text(got) + '"';
    } else if constexpr (std::ranges::sized_range<const E> && std::ranges::sized_range<const G>) {
        if (std::ranges::size(expected) != std::ranges::size(got))
            return "size: expected " + std::to_string(std::ranges::size(expected)) + ", got " +
                   std::to_string(std::ranges::size(got));
        auto g = std::ranges::begin(got);
        std::size_t i = 0;
        for (const auto& e : expected) {
            if (!equal(e, *g))
                return "element " + std::to_string(i) + ": expected " + mismatch::text(e) + ", got " +
                       mismatch::text(*g);
            ++i;
            ++g;
        }
        return "";
    } else {
        if (equal(expected, got)) return "";
        return "expected " + mismatch::text(expected) + ", got " + mismatch::text(got);
    }
}

/// True where two values agree; otherwise a failed CHECK prints the first difference.
struct Comparison {
    std::string difference{};

    explicit operator bool() const { return difference.empty(); }
    friend std::ostream& operator<<(std::ostream& out, const Comparison& c) {
        return out << (c ? "no difference" : c.difference);
    }
};

/// Values or ranges:  CHECK(equal_values(expected, got));      // "element 3: expected 0.5, got 0.25"
template <class E, class G>
[[nodiscard]] Comparison equal_values(const E& expected, const G& got) {
    return {first_difference(expected, got)};
}

class Mismatch {
public:
    /// Values or ranges. The rest names the case: texts and numbers, joined only where the two differ.
    template <class E, class G, class... Where>
    void compare(const E& expected, const G& got, const Where&... where) {
        if (!first_.empty()) return;
        add(first_difference(expected, got), where...);
    }
    /// Floating-point numbers, or ranges of them, bit for bit.
    template <class E, class G, class... Where>
    void compare_bits(const E& expected, const G& got, const Where&... where) {
        if (first_.empty()) add(first_difference(expected, got, mismatch::SameBits{}), where...);
    }
    /// A condition; the rest says which one, and in which case.
    template <class... Where>
    void require(bool condition, const Where&... where) {
        if (first_.empty() && !condition) first_ = named("expected true, got false", where...);
    }
    /// The difference that another comparison found, "" if none.
    template <class... Where>
    void add(const std::string& difference, const Where&... where) {
        if (first_.empty() && !difference.empty()) first_ = named(difference, where...);
    }
    /// The first case that failed, "" if none did.
    [[nodiscard]] const std::string& first() const noexcept { return first_; }

private:
    template <class... Where>
    static std::string named(const std::string& difference, const Where&... where) {
        const std::string name = (std::string{} + ... + mismatch::text(where));
        return name.empty() ? difference : name + (difference.starts_with("element") ? ", " : ": ") + difference;
    }

    std::string first_;
};

}  // namespace support
