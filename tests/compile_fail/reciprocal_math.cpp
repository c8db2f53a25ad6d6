// expect: tessera: -freciprocal-math
// What -freciprocal-math and -funsafe-math-optimizations say to the preprocessor.
#ifndef FIXED
#define __RECIPROCAL_MATH__ 1
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
