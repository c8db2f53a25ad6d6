// expect: tessera: -ffast-math removes the checks for NaN
// What -ffast-math and -Ofast say to the preprocessor.
#ifndef FIXED
#pragma GCC diagnostic ignored "-Wbuiltin-macro-redefined"
#define __FAST_MATH__ 1
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
