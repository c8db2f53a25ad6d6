#pragma once
// larger: the larger of two errors, for a loop that looks for the largest; a NaN counts as infinite.
//
//     worst = support::larger(worst, std::abs(expected[i] - got[i]));
//
// std::max(worst, NaN) is `worst`: a gradient of NaN would pass.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>

namespace support {

template <class T>
T larger(T worst, std::type_identity_t<T> error) {
    if constexpr (std::floating_point<T>)
        if (std::isnan(error)) return std::numeric_limits<T>::infinity();
    return (std::max)(worst, error);
}

}  // namespace support
