// expect: CausalAttention: a base needs rotary positions: nothing else reads it
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>

using tessera::nn::AttentionOptions;
using tessera::nn::Rotary;
#ifdef FIXED
constexpr AttentionOptions options{.rotary = Rotary::sequence, .base = 500};
#else
constexpr AttentionOptions options{.base = 500};
#endif
tessera::nn::Chain<tessera::Shape<49, 24>, tessera::nn::CausalAttention<4, options>>::Cache cache;
