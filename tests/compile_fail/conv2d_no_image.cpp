// expect: Conv2d takes Shape<height, width, channels>
// expect: Shape<49, 32>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>

using namespace tessera::nn;
#ifdef FIXED
using In = tessera::Shape<7, 7, 32>;
#else
using In = tessera::Shape<49, 32>;
#endif
Chain<In, Conv2d<8, keep3>>::Cache cache;
