// expect: Dropout: the probability must be below 100 percent
// expect: 100
#include <tessera/nn/chain.hpp>
#include <tessera/nn/dropout.hpp>

using namespace tessera::nn;
#ifdef FIXED
constexpr Probability probability{.percent = 99};
#else
constexpr Probability probability{.percent = 100};
#endif
Chain<tessera::Shape<49, 128>, Dropout<probability>>::Cache cache;
