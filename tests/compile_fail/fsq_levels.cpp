// expect: Fsq: at least 3 levels for each channel: FsqWith<FsqBound::symmetric, 2, ...> takes 2
// expect: Fsq<8, 2>
#include <tessera/vq/fsq.hpp>

using namespace tessera;

#ifdef FIXED
using Levels = Fsq<8, 3>;
#else
using Levels = Fsq<8, 2>;
#endif
Levels levels;
