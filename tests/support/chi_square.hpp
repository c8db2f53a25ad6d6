#pragma once
// The chi-square statistic of counts under probabilities: it exceeds its degrees of freedom (outcomes less one) only as
// far as chance does, and is 1e9 or more where an outcome of probability 0 was counted.

#include <cmath>
#include <cstddef>
#include <vector>

namespace support {

inline double chi_square(const std::vector<std::size_t>& counts, const std::vector<double>& probabilities) {
    double total = 0, chi = 0;
    for (const std::size_t n : counts) total += static_cast<double>(n);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double expected = total * probabilities[i];
        if (expected == 0)
            chi += counts[i] == 0 ? 0 : 1e9;
        else
            chi += std::pow(static_cast<double>(counts[i]) - expected, 2) / expected;
    }
    return chi;
}

}  // namespace support
