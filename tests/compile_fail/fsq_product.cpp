// expect: Fsq: the product of the levels must be less than 2\^32 - 1: a token has 32 bits
// expect: Fsq<65535, 65537>
#include <tessera/vq/fsq.hpp>

using namespace tessera;

#ifdef FIXED
using Levels = Fsq<65535, 65535>;
#else
using Levels = Fsq<65535, 65537>;
#endif
Levels levels;
