// expect: TokenEmbedding: a Token must be able to count the vocabulary
// expect: 4294967296
#include <tessera/nn/chain.hpp>
#include <tessera/nn/token_embedding.hpp>

#ifdef FIXED
constexpr std::size_t vocab = 4294967295;
#else
constexpr std::size_t vocab = 4294967296;
#endif
tessera::nn::Chain<tessera::Shape<49>, tessera::nn::TokenEmbedding<vocab, 64>>::Cache cache;
