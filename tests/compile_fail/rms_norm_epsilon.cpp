// expect: RmsNorm: the exponent of epsilon must be -1 to -30
#include <tessera/nn/chain.hpp>
#include <tessera/nn/rms_norm.hpp>

#ifdef FIXED
constexpr tessera::nn::Epsilon epsilon{.exponent = -6};
#else
constexpr tessera::nn::Epsilon epsilon{.exponent = 0};
#endif
tessera::nn::Chain<tessera::Shape<49, 128>, tessera::nn::RmsNormWith<epsilon>>::Cache cache;
