// expect: FsqWith: the product of the levels must be less than 2\^32 - 1: a token has 32 bits
#include <tessera/vq/fsq.hpp>

using namespace tessera;

#ifdef FIXED
using Levels = FsqWith<FsqBound::symmetric, 2, 2>;
#else
using Levels = FsqWith<FsqBound::symmetric, 4294967295>;
#endif
Levels levels;
