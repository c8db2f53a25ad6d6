// expect: PlacedEmbedding: a Token must be able to count the vocabulary times the places
// expect: 65536
#include <tessera/nn/chain.hpp>
#include <tessera/nn/placed_embedding.hpp>

#ifdef FIXED
constexpr std::size_t places = 65535;
#else
constexpr std::size_t places = 65536;
#endif
tessera::nn::Chain<tessera::Shape<49>, tessera::nn::PlacedEmbedding<65536, places, 64>>::Cache cache;
