// expect: PlacedEmbedding: the input must be Shape<tokens>
// expect: Shape<7, 7>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/placed_embedding.hpp>

#ifdef FIXED
using In = tessera::Shape<49>;
#else
using In = tessera::Shape<7, 7>;
#endif
tessera::nn::Chain<In, tessera::nn::PlacedEmbedding<256, 50, 64>>::Cache cache;
