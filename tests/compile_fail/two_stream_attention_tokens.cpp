// expect: TwoStreamAttention takes Shape<tokens, width> with an even number of tokens
// expect: Shape<49, 128>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/two_stream_attention.hpp>

#ifdef FIXED
constexpr std::size_t tokens = 98;
#else
constexpr std::size_t tokens = 49;
#endif
tessera::nn::Chain<tessera::Shape<tokens, 128>, tessera::nn::TwoStreamAttention<4>>::Cache cache;
