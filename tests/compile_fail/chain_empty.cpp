// expect: Chain: at least one layer
// expect: Shape<7, 7, 32>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/relu.hpp>

using namespace tessera::nn;
#ifdef FIXED
using Net = Chain<tessera::Shape<7, 7, 32>, Relu>;
#else
using Net = Chain<tessera::Shape<7, 7, 32>>;
#endif
Net::Cache cache;
