// expect: Embedding: a Token must be able to count the vocabulary
// expect: 65537
#include <tessera/nn/chain.hpp>
#include <tessera/nn/embedding.hpp>

#ifdef FIXED
constexpr std::size_t vocab = 65536;
#else
constexpr std::size_t vocab = 65537;
#endif
tessera::nn::Chain<tessera::Shape<49>, tessera::nn::Embedding<vocab, 64>>::Cache cache;
