#pragma once
// DrawnToken: what sample() and complete() tell a callback about each token that they draw.
//
//     sample(prior, 16, options, rng, [&](const DrawnToken& t) {
//         nats[t.sequence] -= t.log_probability;
//         return t.position < 20;                                  // false ends this sequence
//     });
//
// The callback takes a const DrawnToken& and returns void or bool. Its calls never overlap and their order is fixed:
// group by group of sequences (all of them, or as many as SampleOptions::max_rows allows, at most 32), in a group
// position by position, at a position sequence by sequence. They may come from any thread of the arena, with the
// library's floating-point environment. A sequence that is ended keeps no_token at the positions that were not drawn;
// its group ends when all of its sequences have. What the callback throws reaches the caller, and the generator is
// unchanged.

#include <tessera/core/token.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

struct DrawnToken {
    std::size_t sequence = 0, position = 0;
    Token token = no_token;
    /// ln p(token | label, tokens before) of the model, whatever temperature, guidance and cuts are: summed over a
    /// sequence it is the likelihood that Gpt::evaluate measures.
    double log_probability = 0;
    /// ln of the probability with which it was drawn; 0 where no other token could be.
    double log_drawn = 0;
};

namespace detail {
/// Without a callback.
struct NoCallback {
    void operator()(const DrawnToken&) const {}
};
template <class F>
concept TokenCallback = std::invocable<F&, const DrawnToken&> &&
    (std::is_void_v<std::invoke_result_t<F&, const DrawnToken&>> ||
     std::same_as<std::invoke_result_t<F&, const DrawnToken&>, bool>);
}  // namespace detail

}  // namespace tessera
