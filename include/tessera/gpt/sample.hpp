#pragma once
// sample: draws new sequences from a Gpt, token by token.
//
//     const auto tokens = sample(prior, 16, {.temperature = 0.9f, .top_p = 0.95, .labels = labels}, rng);
//     const auto tokens = sample(prior, 16, {.labels = labels, .guidance = 2}, rng);     gpt/guidance.hpp
//     const auto tokens = sample(prior, 16, options, rng, on_token);          a callback per token, gpt/drawn_token.hpp
//
// Sequence n draws from a separate stream, rng.split(n), or that of its seed: neither the number of sequences drawn
// together, nor their order, nor the number of threads changes any of them (promised in float; double is for gradient
// checks, see kernel/gemm/plain_product.hpp). How one token is drawn: gpt/draw_token.hpp; all options:
// gpt/sample_options.hpp.
//
// Shapes   result: `count` sequences of `context` tokens
// Errors   ArgumentError for an option out of range (gpt/sample_options.hpp); NumericError where the logits are not
//          finite
// Cost     `context` steps of a KvCache. Up to 8 sequences, or with a callback: all threads share each token; more:
//          each thread has a KvCache of up to 32 sequences, whose products share each load of the weights

#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/detail/sampler.hpp>
#include <tessera/gpt/drawn_token.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/sample_options.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Draws `count` sequences; on_token is called for each token.
template <GptConfig C, nn::Layer Net, class OnToken = detail::NoCallback>
[[nodiscard]] data::Tokens<C.context> sample(const FrozenGpt<C, Net>& frozen, std::size_t count,
                                             const SampleOptions& options, Rng& rng, OnToken&& on_token = {}) {
    static_assert(detail::TokenCallback<OnToken>, "sample: the callback must be callable with a const DrawnToken& and "
                                                  "return nothing, or a bool: false ends the sequence");
    detail::check_sample_options(options, count, C.classes, frozen.knows(), "sample: ");
    Rng after = rng;
    const Rng own = after.fork();
    std::vector<Token> tokens(detail::tokens_of_all(count, C.context, "sample: count: "), no_token);
    if constexpr (detail::TokenCallback<OnToken>) detail::draw_sequences(frozen, options, own, tokens, on_token);
    data::Tokens<C.context> drawn{
        std::move(tokens), {options.labels.begin(), options.labels.end()}, options.labels.empty() ? 0 : C.classes};
    rng = after;  // last, so that a call that throws can be repeated with the same result
    return drawn;
}

/// The same from the current weights of a model.
template <GptConfig C, class Block, std::floating_point T, class OnToken = detail::NoCallback>
[[nodiscard]] data::Tokens<C.context> sample(const Gpt<C, Block, T>& prior, std::size_t count,
                                             const SampleOptions& options, Rng& rng, OnToken&& on_token = {}) {
    return prior.with_frozen([&](const auto& frozen) { return sample(frozen, count, options, rng, on_token); });
}

}  // namespace tessera
