// expect: GaussianQuant: 2 to 2\^32 - 2 vectors: a token has 32 bits
// expect: GaussianQuant<1>
#include <tessera/vq/gaussian_quant.hpp>

using namespace tessera;

#ifdef FIXED
using Vectors = GaussianQuant<2>;
#else
using Vectors = GaussianQuant<1>;
#endif
Vectors vectors;
