#pragma once
// AnyOrderOptions: how sample_any_order() and complete() draw: the order of the positions, and how many in a pass.
//
//     {.sample = {.top_p = 0.95, .labels = labels, .guidance = 2}}                       one token a pass
//     {.sample = {.labels = labels}, .order = TokenOrder::raster, .passes = 10}
//
// n tokens in P passes: after pass r, the larger of r and ceil(n r^2 / P^2) are drawn, so few at first, when one token
// decides on many others, and most at last (49 in 10: 1, 1, 3, 3, 5, 5, 7, 7, 8, 9). Tokens of one pass are drawn from
// the same known tokens, independently of one another; with a token a pass the draws are from the model's own
// distribution.
//
// Errors   those of SampleOptions (gpt/sample_options.hpp)

#include <tessera/gpt/sample_options.hpp>
#include <tessera/gpt/token_order.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct AnyOrderOptions {
    SampleOptions sample = {};              ///< of each token; a linear guidance runs over the tokens as drawn
    TokenOrder order = TokenOrder::random;  ///< of the known tokens, then of those to draw
    std::size_t passes = 0;                 ///< 0, or more than there are tokens to draw: one token a pass
};

namespace detail {
/// Of n tokens in P passes, those drawn after pass r, 1 <= r <= P <= n.
inline std::size_t drawn_after(std::size_t n, std::size_t passes, std::size_t r) {
    const std::uint64_t square = std::uint64_t{passes} * passes;
    const std::uint64_t share = (std::uint64_t{n} * r * r + square - 1) / square;  // n <= 2^21 tokens do not overflow
    return static_cast<std::size_t>((std::max)(std::uint64_t{r}, share));
}
}  // namespace detail

}  // namespace tessera
