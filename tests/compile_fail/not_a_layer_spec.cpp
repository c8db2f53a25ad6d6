// expect: Chain: not a valid LayerSpec for this input shape
// expect: Shape<7, 7, 32>
// expect: Link<float, .*, int>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/relu.hpp>

using namespace tessera::nn;
#ifdef FIXED
using Second = Relu;
#else
using Second = int;
#endif
Chain<tessera::Shape<7, 7, 32>, Relu, Second>::Cache cache;
