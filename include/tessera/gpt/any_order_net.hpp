#pragma once
// AnyOrderNet: the net of an AnyOrderGpt: embedding, blocks of two streams, norm, head.
//
//     PlacedEmbedding, Repeat<layers, Block>, norm, Linear<vocab, no_bias>
//     Block      x = x + attention(norm(x)),   x = x + mlp(norm(x))     as GptBlockOf, with TwoStreamAttention
//
//     content 0      label                               query 0      position o_0, before any token
//     content k      token at o_{k-1}, and its position  query k      position o_k, after the tokens at o_0 .. o_{k-1}
//
// o is the order of a sequence. x holds pairs of token and place: 0 for the label, i + 1 for position i. A query is the
// embedding of its position plus one vector that all queries share; a content is the embedding of its token plus that
// of its position, or with rotary positions that of place 0. The attention then rotates each row by its position
// (Pass::places, Step::places), as in ARPG (Li et al. 2025, arXiv:2503.10568), and the label by position 0. A query of
// ARPG is the shared vector alone: query 0, which reads one content, would then not know its position.
//
// Shapes   x, places [batch, 2 context]: contents, then queries; y [batch, 2 context x vocab]

#include <tessera/core/token.hpp>
#include <tessera/gpt/block.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/placed_embedding.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/two_stream_attention.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::inline TESSERA_ABI {

/// A configuration for any order: embeddings and head are separate, and a Token can count all pairs of a token, label
/// or query and a position.
template <GptConfig C>
concept UsableAnyOrderConfig =
    UsableGptConfig<C> && !C.tied && nn::TokensCountPlaces<C.embeddings() + 1, C.context + 1>;

template <GptConfig C>
using AnyOrderBlockOf =
    nn::Seq<typename detail::gpt_branch<C.dropout_percent, detail::GptNormOf<C>,
                                        nn::TwoStreamAttention<C.heads, detail::gpt_attention<C>>>::type,
            typename detail::gpt_mlp<C>::type>;

namespace detail {
/// The rows of the net's input, and the places that attention rotates them by.
template <GptConfig C>
struct AnyOrderInput {
    static constexpr std::size_t rows = C.embeddings() + 1;  // tokens, labels, the null class, the query

    struct Row {
        Token token;
        std::uint32_t place;
    };
    static constexpr Row label(Token label_token) { return {label_token, 0}; }
    static constexpr Row content(Token token, std::size_t position) {
        constexpr bool embedded = C.positions == GptPositions::learned;
        return {embedded ? pair(token, position) : token, static_cast<std::uint32_t>(position)};
    }
    static constexpr Row query(std::size_t position) {
        return {pair(rows - 1, position), static_cast<std::uint32_t>(position)};
    }
    /// Of a content at the same place, with another token.
    static constexpr Token replaced(Token row, Token token) { return static_cast<Token>(row - row % rows + token); }
    /// All rows of one sequence; tokens[i] is the token at position i.
    static void fill(Token label_token, std::span<const Token> tokens, std::span<const std::uint32_t> order,
                     std::span<Token> input, std::span<std::uint32_t> places) {
        const auto set = [&](std::size_t k, Row row) {
            input[k] = row.token;
            places[k] = row.place;
        };
        set(0, label(label_token));
        for (std::size_t k = 0; k < C.context; ++k) {
            if (k > 0) set(k, content(tokens[order[k - 1]], order[k - 1]));
            set(C.context + k, query(order[k]));
        }
    }

private:
    static constexpr Token pair(std::size_t token, std::size_t position) {
        return static_cast<Token>((position + 1) * rows + token);
    }
};
}  // namespace detail

template <GptConfig C, std::floating_point T>
using AnyOrderNet =
    nn::BasicChain<T, Shape<2 * C.context>, nn::PlacedEmbedding<C.embeddings() + 1, C.context + 1, C.width>,
                   nn::Repeat<C.layers, AnyOrderBlockOf<C>>, detail::GptNormOf<C>, nn::Linear<C.vocab, nn::no_bias>>;

}  // namespace tessera
