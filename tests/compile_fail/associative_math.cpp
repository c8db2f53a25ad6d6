// expect: tessera: -fassociative-math
// The macro that -fassociative-math and -funsafe-math-optimizations define.
#ifndef FIXED
#define __ASSOCIATIVE_MATH__ 1
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
