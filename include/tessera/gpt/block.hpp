#pragma once
// GptBlock: the block of a GPT-2: pre-LN attention, then a pre-LN MLP of four times the width.
//
//     x = x + attention(norm(x)),   x = x + W2 gelu(W1 norm(x) + b1) + b2          (Radford et al. 2019)
//
// It is a Seq of ordinary layers, with dropout at the end of each branch where DropoutPercent is not 0.
//
// Shapes   x, y [batch, context x Width]
// Cost     12 Width^2 + context Width multiply-adds per token forward

#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

namespace detail {
template <std::size_t Width, std::size_t Heads, std::size_t DropoutPercent>
struct gpt_block {
    using Drop = nn::Dropout<nn::Probability{.percent = DropoutPercent}>;
    using type = nn::Seq<nn::Residual<nn::LayerNorm, nn::CausalAttention<Heads>, Drop>,
                         nn::Residual<nn::LayerNorm, nn::Linear<4 * Width>, nn::Gelu, nn::Linear<Width>, Drop>>;
};
template <std::size_t Width, std::size_t Heads>
struct gpt_block<Width, Heads, 0> {
    using type = nn::Seq<nn::Residual<nn::LayerNorm, nn::CausalAttention<Heads>>,
                         nn::Residual<nn::LayerNorm, nn::Linear<4 * Width>, nn::Gelu, nn::Linear<Width>>>;
};
}  // namespace detail

template <std::size_t Width, std::size_t Heads, std::size_t DropoutPercent = 0>
using GptBlock = typename detail::gpt_block<Width, Heads, DropoutPercent>::type;

}  // namespace tessera
