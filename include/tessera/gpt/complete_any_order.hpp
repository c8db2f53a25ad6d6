#pragma once
// complete: of an AnyOrderGpt, draws the unknown tokens of sequences, given any known subset.
//
//     complete(prior, tokens, options, rng)            those that are no_token are drawn
//     complete(prior, tokens, known, options, rng)     those where known[i] is false, the same of each sequence
//
// All known tokens are read first, whatever their positions: this is what the prior was trained on, an order that
// begins with them. So a picture is completed upwards, downwards or in its middle. (The overloads of gpt/complete.hpp,
// for a prior in raster order, see only the known tokens before a position.) Options, streams and passes are those of
// sample_any_order(), which is complete() with nothing known; order and passes are those of the known tokens, and of
// the unknown ones. A sequence where all is known is returned as it is.
//
// Shapes   tokens [sequences, context], known [context]; result: as many sequences
// Errors   ArgumentError as for sample_any_order(), or for another length of `known`; DataError for a known token that
//          is not in the vocabulary, or is no_token where known[i] is true; NumericError where the logits are not
//          finite
// Cost     known tokens go through the net together, 512 rows at a time; sequences with as many known tokens share a
//          cache, so those with different numbers share less work

#include <tessera/core/error.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/any_order_gpt.hpp>
#include <tessera/gpt/any_order_options.hpp>
#include <tessera/gpt/detail/any_order_sampler.hpp>
#include <tessera/gpt/detail/known_tokens.hpp>
#include <tessera/gpt/frozen_any_order_gpt.hpp>
#include <tessera/gpt/sample_options.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Draws every token that is no_token.
template <GptConfig C, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> complete(const FrozenAnyOrderGpt<C, T>& frozen,
                                               View<const Token, Shape<C.context>> sequences,
                                               const AnyOrderOptions& options, Rng& rng) {
    const SampleOptions& sample = options.sample;
    detail::check_sample_options(sample, sequences.batch(), C.classes, frozen.knows(), "complete: ");
    std::vector<Token> tokens = detail::known_tokens(sequences, "complete: ", C.vocab);
    Rng after = rng;
    const Rng own = after.fork();
    detail::draw_any_order(frozen, options, own, tokens);
    data::Tokens<C.context> drawn{
        std::move(tokens), {sample.labels.begin(), sample.labels.end()}, sample.labels.empty() ? 0 : C.classes};
    rng = after;  // last, so that a call that throws can be repeated with the same result
    return drawn;
}

/// The tokens where known[i] is true are kept.
template <GptConfig C, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> complete(const FrozenAnyOrderGpt<C, T>& frozen,
                                               View<const Token, Shape<C.context>> sequences,
                                               std::span<const bool> known, const AnyOrderOptions& options, Rng& rng) {
    if (known.size() != C.context) throw ArgumentError("complete: known: " + expected_got(C.context, known.size()));
    const auto tokens = detail::keep_known(sequences, "complete: ", [&](std::size_t i) { return known[i]; });
    return complete(frozen, View<const Token, Shape<C.context>>{tokens.data(), sequences.batch()}, options, rng);
}

/// The same from the current weights of a model.
template <GptConfig C, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> complete(const AnyOrderGpt<C, T>& prior,
                                               View<const Token, Shape<C.context>> sequences,
                                               const AnyOrderOptions& options, Rng& rng) {
    return prior.with_frozen([&](const auto& frozen) { return complete(frozen, sequences, options, rng); });
}
template <GptConfig C, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> complete(const AnyOrderGpt<C, T>& prior,
                                               View<const Token, Shape<C.context>> sequences,
                                               std::span<const bool> known, const AnyOrderOptions& options, Rng& rng) {
    return prior.with_frozen([&](const auto& frozen) { return complete(frozen, sequences, known, options, rng); });
}

}  // namespace tessera
