// expect: Param: the element type must be an integer or a floating-point type, and not bool
#include <tessera/core/param.hpp>

#ifdef FIXED
using Flag = unsigned char;
#else
using Flag = bool;
#endif
tessera::Param<Flag, tessera::Shape<3>> flags;
