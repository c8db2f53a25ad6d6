#pragma once
// Floating-point operations of a net by the textbook count: 2 per multiplication with a weight. Padding counts as if it
// were part of the image; activations, sums and the optimiser do not count.

#include <cstddef>

namespace bench {

/// Per image, for nets like those of examples/support/nets.hpp.
template <std::size_t H, std::size_t D, std::size_t K, std::size_t Side>
struct VqVaeFlops {
    static constexpr double n(std::size_t x) { return static_cast<double>(x); }
    static constexpr double places = n(Side / 4) * n(Side / 4);
    static constexpr double first = 2 * 4 * places * 16 * n(H / 2);
    static constexpr double branch = 2 * places * (9 * n(H) * 32 + 32 * n(H));
    static constexpr double encoder =
        first + 2 * places * (16 * n(H / 2) * n(H) + 9 * n(H) * n(H) + n(H) * n(D)) + 2 * branch;
    static constexpr double decoder = 2 * places * (9 * n(D) * n(H) + 16 * n(H) * n(H / 2)) + 2 * branch + first;
    static constexpr double lookup = 2 * places * n(K) * n(D);
    /// Forward, weight gradients, input gradients (none for the first layer).
    static constexpr double training = 3 * (encoder + decoder) - first + lookup;
};

/// Per token of a Gpt with configuration C.
template <auto C>
struct GptFlops {
    static constexpr double n(std::size_t x) { return static_cast<double>(x); }
    static constexpr double weights = n(C.layers) * 12 * n(C.width) * n(C.width) + n(C.width) * n(C.vocab);
    /// Per product of attention: half of tokens^2.
    static constexpr double attention = n(C.layers) * n(C.width) * n(C.context + 1);
    static constexpr double sampling = 2 * weights + 2 * attention;
    static constexpr double training = 6 * weights + 7 * attention;
};

}  // namespace bench
