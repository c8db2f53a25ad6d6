// expect: Reshape: the two shapes must hold the same number of elements
// expect: Shape<7, 7, 32>
// expect: Shape<49, 31>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/reshape.hpp>

#ifdef FIXED
constexpr std::size_t width = 32;
#else
constexpr std::size_t width = 31;
#endif
using Net = tessera::nn::Chain<tessera::Shape<7, 7, 32>, tessera::nn::Reshape<49, width>>;
Net::Cache cache;
