#pragma once
// sample_any_order: draws new sequences from an AnyOrderGpt, one token or many in a pass.
//
//     const auto tokens = sample_any_order(prior, 16, {.sample = {.labels = labels, .guidance = 2}}, rng);
//     const auto tokens = sample_any_order(prior, 16, {.sample = {.labels = labels}, .passes = 10}, rng);
//
// Each sequence has an order of positions, random or raster, and each pass draws at the next of them
// (gpt/any_order_options.hpp). Sequence n draws its order and its tokens from separate streams, rng.split(n), or those
// of its seed: neither the number of sequences drawn together, nor their order, nor the number of threads changes any
// of them (promised in float). How one token is drawn: gpt/draw_token.hpp.
//
// Shapes   result: `count` sequences of `context` tokens
// Errors   ArgumentError for an option out of range (gpt/sample_options.hpp); NumericError where the logits are not
//          finite
// Cost     2 context rows of the net for each sequence, in as many passes as the options say, `context` by default.
//          With the small preset on one thread, in times of sample(): 128 sequences 2.0, and 1.9 in 10 passes, because
//          the rows are as many; one sequence 1.3, and 0.8 in 10 passes

#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/any_order_gpt.hpp>
#include <tessera/gpt/any_order_options.hpp>
#include <tessera/gpt/detail/any_order_sampler.hpp>
#include <tessera/gpt/frozen_any_order_gpt.hpp>
#include <tessera/gpt/sample_options.hpp>

#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <GptConfig C, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> sample_any_order(const FrozenAnyOrderGpt<C, T>& frozen, std::size_t count,
                                                       const AnyOrderOptions& options, Rng& rng) {
    const SampleOptions& sample = options.sample;
    detail::check_sample_options(sample, count, C.classes, frozen.knows(), "sample_any_order: ");
    Rng after = rng;
    const Rng own = after.fork();
    std::vector<Token> tokens(detail::tokens_of_all(count, C.context, "sample_any_order: count: "), no_token);
    detail::draw_any_order(frozen, options, own, tokens);
    data::Tokens<C.context> drawn{
        std::move(tokens), {sample.labels.begin(), sample.labels.end()}, sample.labels.empty() ? 0 : C.classes};
    rng = after;  // last, so that a call that throws can be repeated with the same result
    return drawn;
}

/// The same from the current weights of a model.
template <GptConfig C, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> sample_any_order(const AnyOrderGpt<C, T>& prior, std::size_t count,
                                                       const AnyOrderOptions& options, Rng& rng) {
    return prior.with_frozen([&](const auto& frozen) { return sample_any_order(frozen, count, options, rng); });
}

}  // namespace tessera
