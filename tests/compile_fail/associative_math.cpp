// expect: tessera: -fassociative-math
// What -fassociative-math and -funsafe-math-optimizations say to the preprocessor.
#ifndef FIXED
#define __ASSOCIATIVE_MATH__ 1
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
