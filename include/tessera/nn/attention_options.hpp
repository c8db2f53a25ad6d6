#pragma once
// AttentionOptions: the variants of CausalAttention (nn/causal_attention.hpp), all known at compile time.
//
//     CausalAttention<8, AttentionOptions{.kv_heads = 2, .rotary = Rotary::sequence, .bias = no_bias}>

#include <tessera/core/shape.hpp>
#include <tessera/nn/bias.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

/// Rotary positions: none, by token, or by row and column of a grid of tokens that is read row by row.
enum class Rotary : unsigned char { none, sequence, grid };

struct AttentionOptions {
    std::size_t kv_heads = 0;  ///< heads of keys and values; they divide the heads of queries. 0: as many
    Rotary rotary = Rotary::none;
    std::size_t columns = 0;   ///< of the grid, only with Rotary::grid; they divide the tokens
    std::size_t base = 10000;  ///< of the rotary frequencies; another one needs rotary positions
    Bias bias = Bias::with;
};

/// A Shape<tokens, width>.
template <class S>
concept SequenceShape = StaticShape<S> &&(S::rank == 2);
template <class S, std::size_t Heads>
concept HeadsDivideWidth = StaticShape<S> &&(Heads > 0) && (last_dim<S> % (Heads > 0 ? Heads : 1) == 0);
template <std::size_t Heads, AttentionOptions O>
concept KvHeadsDivideHeads = (O.kv_heads == 0) || (Heads % (O.kv_heads > 0 ? O.kv_heads : 1) == 0);
/// Pairs of channels, and in a grid as many pairs for rows as for columns.
template <class S, std::size_t Heads, AttentionOptions O>
concept RotaryFitsHeads = (O.rotary == Rotary::none) ||
                          ((O.base > 0) && HeadsDivideWidth<S, Heads> &&
                           (last_dim<S> / (Heads > 0 ? Heads : 1) % (O.rotary == Rotary::grid ? 4 : 2) == 0));
/// Without rotary positions nothing reads the base.
template <AttentionOptions O>
concept BaseHasRotary = (O.rotary != Rotary::none) || (O.base == AttentionOptions{}.base);
template <class S, AttentionOptions O>
concept ColumnsDivideTokens = (O.rotary == Rotary::grid && O.columns > 0 &&
                               S::dims[0] % (O.columns > 0 ? O.columns : 1) == 0) ||
                              (O.rotary != Rotary::grid && O.columns == 0);

}  // namespace tessera::nn
