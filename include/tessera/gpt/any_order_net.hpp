#pragma once
// AnyOrderNet: the net of an AnyOrderGpt: embedding, blocks of two streams, norm, head.
//
//     PlacedEmbedding, Repeat<layers, Block>, norm, Linear<vocab, no_bias>
//     Block    x = x + attention(norm(x)),   x = x + mlp(norm(x))       as GptBlockOf, with TwoStreamAttention
//
//     content 0      label                               query 0      position o_0, before any token
//     content k      token at o_{k-1}, and its position  query k      position o_k, after the tokens at o_0 .. o_{k-1}
//
// o is the order of a sequence. A query is the embedding of its position plus one vector that all queries share.
//
// Shapes   x [batch, 2 context] of pairs of token and place: contents, then queries; y [batch, 2 context x vocab]

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

/// A configuration for any order: positions are learned, embeddings and head are separate, and a Token can count all
/// pairs of a token, label or query and a position.
template <GptConfig C>
concept UsableAnyOrderConfig = UsableGptConfig<C> &&(C.positions == GptPositions::learned) && !C.tied
                               && nn::TokensCountPlaces<C.embeddings() + 1, C.context + 1>;

template <GptConfig C>
using AnyOrderBlockOf =
    nn::Seq<typename detail::gpt_branch<
                C.dropout_percent, detail::GptNormOf<C>,
                nn::TwoStreamAttention<C.heads, C.kv_heads == C.heads ? 0 : C.kv_heads, detail::gpt_bias<C>>>::type,
            typename detail::gpt_mlp<C>::type>;

template <GptConfig C, std::floating_point T>
using AnyOrderNet =
    nn::BasicChain<T, Shape<2 * C.context>, nn::PlacedEmbedding<C.embeddings() + 1, C.context + 1, C.width>,
                   nn::Repeat<C.layers, AnyOrderBlockOf<C>>, detail::GptNormOf<C>, nn::Linear<C.vocab, nn::no_bias>>;

namespace detail {
/// The rows of the net's input.
template <GptConfig C>
struct AnyOrderInput {
    static constexpr std::size_t rows = C.embeddings() + 1;  // tokens, labels, the null class, the query

    static constexpr Token label(Token label_token) { return label_token; }  // place 0
    static constexpr Token content(Token token, std::size_t position) {
        return static_cast<Token>((position + 1) * rows + token);
    }
    static constexpr Token query(std::size_t position) { return static_cast<Token>((position + 1) * rows + rows - 1); }
    /// All rows of one sequence; tokens[i] is the token at position i.
    static void fill(Token label_token, std::span<const Token> tokens, std::span<const std::uint32_t> order,
                     std::span<Token> input) {
        input[0] = label(label_token);
        for (std::size_t k = 0; k < C.context; ++k) {
            if (k > 0) input[k] = content(tokens[order[k - 1]], order[k - 1]);
            input[C.context + k] = query(order[k]);
        }
    }
};
}  // namespace detail

}  // namespace tessera
