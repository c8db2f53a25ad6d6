// expect: GroupNorm: the groups must divide the channels
// expect: GroupsDivideChannels
// expect: Shape<7, 7, 32>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/group_norm.hpp>

#ifdef FIXED
constexpr std::size_t groups = 8;
#else
constexpr std::size_t groups = 5;
#endif
tessera::nn::Chain<tessera::Shape<7, 7, 32>, tessera::nn::GroupNorm<groups>>::Cache cache;
