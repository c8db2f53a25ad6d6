#pragma once
// complete: finishes sequences of which some tokens are known.
//
//     complete(prior, tokens, 21, options, rng)              the first 21 tokens of each sequence are known
//     complete(prior, tokens, known, options, rng)           those where known[i] is true, the same of each sequence
//     complete(prior, tokens, options, rng)                  those that are not no_token
//
// A prior in raster order sees only the tokens before a position: a known token is kept wherever it is, but what is
// drawn does not depend on known tokens after it. So a picture is completed downwards, not upwards; for a label use
// options.labels. Options, streams and callback are those of sample() (gpt/sample.hpp), which is complete() with
// nothing known: a sequence depends neither on the others nor on the number of threads. The callback is not called for
// known tokens. A sequence where all is known is returned as it is.
//
// Shapes   tokens [sequences, context], known [context]; result: as many sequences
// Errors   ArgumentError as for sample(), for more known tokens than the context or another length of `known`;
//          DataError for a known token that is not in the vocabulary, or is no_token where `known` says that it is
//          known; NumericError where the logits are not finite
// Cost     the known tokens at the beginning of all sequences go through the KvCache together, 512 rows at a time; then
//          a step for each position, drawn or known

#include <tessera/core/error.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/detail/known_tokens.hpp>
#include <tessera/gpt/detail/sampler.hpp>
#include <tessera/gpt/drawn_token.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/sample_options.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {
template <GptConfig C, nn::Layer Net>
void accept_frozen_gpt(const FrozenGpt<C, Net>&);

/// A FrozenGpt.
template <class M>
concept IsFrozen = requires(const M& model) {
    detail::accept_frozen_gpt(model);
};
/// A model whose weights can be read as a FrozenGpt.
template <class M>
concept Freezes = requires(const M& model, void (&read)(const typename M::Frozen&)) {
    requires IsFrozen<typename M::Frozen>;
    model.with_frozen(read);
};
template <class M>
concept Samples = IsFrozen<M> || Freezes<M>;
}  // namespace detail

/// Draws every token that is no_token; Model: a Gpt or its FrozenGpt.
template <detail::Samples Model, class OnToken = detail::NoCallback>
[[nodiscard]] data::Tokens<Model::context> complete(const Model& prior,
                                                    View<const Token, Shape<Model::context>> sequences,
                                                    const SampleOptions& options, Rng& rng, OnToken&& on_token = {}) {
    static_assert(detail::TokenCallback<OnToken>, "complete: the callback must be callable with a const DrawnToken& "
                                                  "and return nothing, or a bool: false ends the sequence");
    if constexpr (detail::Freezes<Model>) {
        return prior.with_frozen(
            [&](const auto& frozen) { return complete(frozen, sequences, options, rng, on_token); });
    } else {
        constexpr GptConfig C = Model::config;
        detail::check_sample_options(options, sequences.batch(), C.classes, prior.knows(), "complete: ");
        std::vector<Token> tokens = detail::known_tokens(sequences, "complete: ", C.vocab);
        Rng after = rng;
        const Rng own = after.fork();
        if constexpr (detail::TokenCallback<OnToken>) detail::draw_sequences(prior, options, own, tokens, on_token);
        data::Tokens<C.context> drawn{
            std::move(tokens), {options.labels.begin(), options.labels.end()}, options.labels.empty() ? 0 : C.classes};
        rng = after;  // last, so that a call that throws can be repeated with the same result
        return drawn;
    }
}

/// The tokens where known[i] is true are kept.
template <detail::Samples Model, class OnToken = detail::NoCallback>
[[nodiscard]] data::Tokens<Model::context>
complete(const Model& prior, View<const Token, Shape<Model::context>> sequences, std::span<const bool> known,
         const SampleOptions& options, Rng& rng, OnToken&& on_token = {}) {
    constexpr std::size_t context = Model::context;
    if (known.size() != context) throw ArgumentError("complete: known: " + expected_got(context, known.size()));
    const auto tokens = detail::keep_known(sequences, "complete: ", [&](std::size_t i) { return known[i]; });
    return complete(prior, View<const Token, Shape<context>>{tokens.data(), sequences.batch()}, options, rng, on_token);
}

/// The first `known` tokens of each sequence are kept.
template <detail::Samples Model, class OnToken = detail::NoCallback>
[[nodiscard]] data::Tokens<Model::context>
complete(const Model& prior, View<const Token, Shape<Model::context>> sequences, std::size_t known,
         const SampleOptions& options, Rng& rng, OnToken&& on_token = {}) {
    constexpr std::size_t context = Model::context;
    if (known > context)
        throw ArgumentError("complete: known: " +
                            expected_got("at most " + std::to_string(context), std::to_string(known)));
    const auto tokens = detail::keep_known(sequences, "complete: ", [&](std::size_t i) { return i < known; });
    return complete(prior, View<const Token, Shape<context>>{tokens.data(), sequences.batch()}, options, rng, on_token);
}

}  // namespace tessera
