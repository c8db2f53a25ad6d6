#pragma once
// An output and what it should be, for losses of two arrays: small fractions, so that float adds them exactly.

#include <cstddef>
#include <vector>

namespace pair {

template <class T>
std::vector<T> output(std::size_t n) {
    std::vector<T> y(n);
    for (std::size_t i = 0; i < n; ++i) y[i] = (static_cast<T>((i * 7) % 11) - 5) / 8;
    return y;
}
template <class T>
std::vector<T> wanted(std::size_t n) {
    std::vector<T> t(n);
    for (std::size_t i = 0; i < n; ++i) t[i] = (static_cast<T>((i * 5 + 6) % 13) - 6) / 16;
    return t;
}

}  // namespace pair
