// expect: Fsq: at least 3 levels for each channel
#include <tessera/vq/fsq.hpp>

using namespace tessera;

#ifdef FIXED
using Levels = Fsq<3>;
#else
using Levels = Fsq<>;
#endif
Levels levels;
