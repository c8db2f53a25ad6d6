// expect: TokenEmbedding: the input must be Shape<tokens>
// expect: TokenSequence
// expect: Shape<7, 7>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/token_embedding.hpp>

#ifdef FIXED
using In = tessera::Shape<49>;
#else
using In = tessera::Shape<7, 7>;
#endif
tessera::nn::Chain<In, tessera::nn::TokenEmbedding<512, 64>>::Cache cache;
