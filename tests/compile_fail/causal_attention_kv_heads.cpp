// expect: CausalAttention: the kv heads must divide the heads
// expect: Shape<49, 128>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>

using tessera::nn::AttentionOptions;
using tessera::nn::Rotary;
#ifdef FIXED
constexpr AttentionOptions options{.kv_heads = 2};
#else
constexpr AttentionOptions options{.kv_heads = 3};
#endif
tessera::nn::Chain<tessera::Shape<49, 128>, tessera::nn::CausalAttention<4, options>>::Cache cache;
