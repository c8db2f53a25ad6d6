// expect: FsqWith: at least 2 levels for each channel with the symmetric bound, 3 with the other
// expect: 2
#include <tessera/vq/fsq.hpp>

using namespace tessera;

#ifdef FIXED
using Levels = FsqWith<FsqBound::symmetric, 4, 2>;
#else
using Levels = FsqWith<FsqBound::tanh, 4, 2>;
#endif
Levels levels;
