// expect: CausalAttention: Rotary::grid needs columns that divide the tokens
// expect: Shape<49, 128>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>

using tessera::nn::AttentionOptions;
using tessera::nn::Rotary;
#ifdef FIXED
constexpr AttentionOptions options{.rotary = Rotary::sequence};
#else
constexpr AttentionOptions options{.rotary = Rotary::sequence, .columns = 7};
#endif
tessera::nn::Chain<tessera::Shape<49, 128>, tessera::nn::CausalAttention<4, options>>::Cache cache;
