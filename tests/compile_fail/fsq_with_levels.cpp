// expect: FsqWith: at least 3 levels for each channel with the bound tanh, 2 with the others
// expect: 2
#include <tessera/vq/fsq.hpp>

using namespace tessera;

#ifdef FIXED
using Levels = FsqWith<FsqBound::symmetric, 4, 2>;
#else
using Levels = FsqWith<FsqBound::tanh, 4, 2>;
#endif
Levels levels;
