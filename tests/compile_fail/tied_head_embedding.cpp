// expect: TiedHead: the chain must begin with an embedding of at least Vocab rows
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/tied_head.hpp>
#include <tessera/nn/token_embedding.hpp>

#ifdef FIXED
constexpr std::size_t vocab = 13;
#else
constexpr std::size_t vocab = 14;
#endif
using namespace tessera::nn;
TiedHead<vocab, TokenEmbedding<13, 8>, LayerNorm>::Bind<tessera::Shape<5>, float>::Cache cache;
