// expect: tessera: -freciprocal-math
// The macro that -freciprocal-math and -funsafe-math-optimizations define.
#ifndef FIXED
#define __RECIPROCAL_MATH__ 1
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
