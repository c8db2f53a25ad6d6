// expect: CausalAttention: rotary positions need an even number of channels per head
// expect: Shape<49, 24>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>

using tessera::nn::AttentionOptions;
using tessera::nn::Rotary;
#ifdef FIXED
constexpr AttentionOptions options{.rotary = Rotary::sequence};
#else
constexpr AttentionOptions options{.rotary = Rotary::grid, .columns = 7};
#endif
tessera::nn::Chain<tessera::Shape<49, 24>, tessera::nn::CausalAttention<4, options>>::Cache cache;
