// expect: CausalAttention: the heads must divide the width
// expect: Shape<49, 128>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>

#ifdef FIXED
constexpr std::size_t heads = 4;
#else
constexpr std::size_t heads = 5;
#endif
tessera::nn::Chain<tessera::Shape<49, 128>, tessera::nn::CausalAttention<heads>>::Cache cache;
