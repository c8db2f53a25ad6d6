// expect: Residual: the inner chain must give back the shape that it takes
// expect: Shape<7, 7, 32>
// expect: Shape<49, 32>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/nn/residual.hpp>

using namespace tessera::nn;
#ifdef FIXED
using Branch = Residual<Relu, Reshape<7, 7, 32>>;
#else
using Branch = Residual<Relu, Reshape<49, 32>>;
#endif
Chain<tessera::Shape<7, 7, 32>, Branch>::Cache cache;
