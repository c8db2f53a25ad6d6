#pragma once
// The block of a GPT-2 (Radford et al. 2019): pre-LN, attention, then a four times wider Gelu layer.
//
//     x = x + attention(norm(x)),   x = x + W2 gelu(W1 norm(x) + b1) + b2
//
// From the same bricks as any chain; a second part gives the packed weights of one block their names, for sampling,
// which goes through a block one token at a time.

#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>

#include <cstddef>
#include <string_view>
#include <tuple>

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

/// The packed weights of a block by name.
template <class Packed>
struct GptBlockWeights {
    explicit GptBlockWeights(const Packed& w)
        : norm1{std::get<0>(std::get<0>(w.items).items)},
          attention{std::get<1>(std::get<0>(w.items).items)},
          norm2{std::get<0>(std::get<1>(w.items).items)},
          up{std::get<1>(std::get<1>(w.items).items)},
          down{std::get<2>(std::get<1>(w.items).items)} {}

    template <std::size_t Branch, std::size_t I>
    using At = std::tuple_element_t<I, decltype(std::get<Branch>(std::declval<const Packed&>().items).items)>;

    const At<0, 0>& norm1;
    const At<0, 1>& attention;
    const At<1, 0>& norm2;
    const At<1, 1>& up;
    const At<1, 2>& down;
};

/// Weights that add to the residual stream; GPT-2 starts them smaller by sqrt(2 layers).
inline bool ends_in_residual(std::string_view path) {
    return path.ends_with(".0.1.out_proj.weight") || path.ends_with(".1.3.weight");
}

}  // namespace tessera
