// expect: Repeat: the group must give back the shape that it takes
// expect: Shape<14, 14, 8>
// expect: Shape<7, 7, 8>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/upsample.hpp>

using namespace tessera::nn;
#ifdef FIXED
using Group = Repeat<2, Upsample<1>>;
#else
using Group = Repeat<2, Upsample<2>>;
#endif
Chain<tessera::Shape<7, 7, 8>, Group>::Cache cache;
