#pragma once
// GptNet: the net of a Gpt: embedding, blocks, norm, head.
//
//     learned    Embedding, Repeat<layers, Block>, LayerNorm, Linear<vocab, no_bias>
//     rotary     TokenEmbedding instead of Embedding
//     rms_norm   RmsNorm instead of LayerNorm
//     tied       TiedHead of the first three
//
// Shapes   x [batch, context] of Token, y [batch, context x vocab]

#include <tessera/core/number_text.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/gpt/block.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/tied_head.hpp>
#include <tessera/nn/token_embedding.hpp>

#include <concepts>
#include <string>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

namespace detail {
template <GptConfig C>
using GptEmbedding = std::conditional_t<C.positions == GptPositions::learned, nn::Embedding<C.embeddings(), C.width>,
                                        nn::TokenEmbedding<C.embeddings(), C.width>>;
template <GptConfig C, class Block, std::floating_point T, bool Tied = C.tied>
struct gpt_net {
    using type = nn::BasicChain<T, Shape<C.context>, GptEmbedding<C>, nn::Repeat<C.layers, Block>, GptNormOf<C>,
                                nn::Linear<C.vocab, nn::no_bias>>;
};
template <GptConfig C, class Block, std::floating_point T>
struct gpt_net<C, Block, T, true> {
    using type =
        nn::TiedHeadLayer<Shape<C.context>, C.vocab, T, GptEmbedding<C>, nn::Repeat<C.layers, Block>, GptNormOf<C>>;
};

/// What must agree with a file and is not visible in the names and shapes of the weights.
template <GptConfig C>
NamedValues gpt_metadata() {
    NamedValues all{{"heads", std::to_string(C.heads)}, {"classes", std::to_string(C.classes)}};
    if (C.norm == GptNorm::rms_norm) all.push_back({"norm", "rms_norm"});
    if (C.norm == GptNorm::layer_norm && !C.bias) all.push_back({"norm", "layer_norm"});
    if (C.positions == GptPositions::rotary) all.push_back({"positions", "rotary"});
    if (C.positions == GptPositions::rotary_grid)
        all.push_back({"positions", "rotary, " + std::to_string(C.columns) + " columns"});
    return all;
}
}  // namespace detail

template <GptConfig C, class Block, std::floating_point T>
using GptNet = typename detail::gpt_net<C, Block, T>::type;

}  // namespace tessera
