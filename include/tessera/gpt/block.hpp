#pragma once
// GptBlock, GptBlockOf: the block of a prior: pre-norm attention, then a pre-norm MLP.
//
//     x = x + attention(norm(x)),   x = x + mlp(norm(x))
//     GptBlock      LayerNorm, W2 gelu(W1 x + b1) + b2, four times the width          (GPT-2; Radford et al. 2019)
//     GptBlockOf    as the GptConfig says: RmsNorm, W2 (silu(W1 x) (W3 x)), rotary positions, fewer kv heads, no biases
//                                                                (LLaMA; Touvron et al. 2023, arXiv:2302.13971)
//
// It is a Seq of ordinary layers, with dropout at the end of each branch where its percentage is not 0.
//
// Shapes   x, y [batch, context x Width]
// Cost     12 Width^2 + context Width multiply-adds per token forward, with SwiGlu and as many kv heads as heads the
//          same but for the rounding of 8/3 Width

#include <tessera/gpt/gpt_config.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/rms_norm.hpp>
#include <tessera/nn/swiglu.hpp>

#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

namespace detail {
// A residual branch, with dropout at its end where the percentage is not 0.
template <std::size_t DropoutPercent, class... Specs>
struct gpt_branch {
    using type = nn::Residual<Specs..., nn::Dropout<nn::Probability{.percent = DropoutPercent}>>;
};
template <class... Specs>
struct gpt_branch<0, Specs...> {
    using type = nn::Residual<Specs...>;
};

template <GptConfig C>
inline constexpr nn::Bias gpt_bias = C.bias ? nn::Bias::with : nn::Bias::none;
template <GptConfig C>
inline constexpr nn::AttentionOptions gpt_attention{.kv_heads = C.kv_heads == C.heads ? 0 : C.kv_heads,
                                                    .rotary = C.positions == GptPositions::rotary ? nn::Rotary::sequence
                                                              : C.positions == GptPositions::rotary_grid
                                                                  ? nn::Rotary::grid
                                                                  : nn::Rotary::none,
                                                    .columns = C.columns,
                                                    .bias = gpt_bias<C>};

template <GptConfig C>
using GptNormOf = std::conditional_t<C.norm == GptNorm::rms_norm, nn::RmsNorm,
                                     std::conditional_t<C.bias, nn::LayerNorm, nn::LayerNormWith<nn::no_bias>>>;

template <GptConfig C, GptMlp Mlp = C.mlp>
struct gpt_mlp {
    using type = typename gpt_branch<C.dropout_percent, GptNormOf<C>, nn::Linear<4 * C.width, gpt_bias<C>>, nn::Gelu,
                                     nn::Linear<C.width, gpt_bias<C>>>::type;
};
template <GptConfig C>
struct gpt_mlp<C, GptMlp::swiglu> {
    static constexpr std::size_t hidden = (8 * C.width + 95) / 96 * 32;  // 8/3 of the width, a multiple of 32
    using type = typename gpt_branch<C.dropout_percent, GptNormOf<C>, nn::SwiGlu<hidden, gpt_bias<C>>,
                                     nn::Linear<C.width, gpt_bias<C>>>::type;
};
}  // namespace detail

template <GptConfig C>
using GptBlockOf = nn::Seq<typename detail::gpt_branch<C.dropout_percent, detail::GptNormOf<C>,
                                                       nn::CausalAttention<C.heads, detail::gpt_attention<C>>>::type,
                           typename detail::gpt_mlp<C>::type>;

template <std::size_t Width, std::size_t Heads, std::size_t DropoutPercent = 0>
using GptBlock = GptBlockOf<GptConfig{.width = Width, .heads = Heads, .dropout_percent = DropoutPercent}>;

}  // namespace tessera
