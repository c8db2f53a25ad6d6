// expect: tessera: -ffast-math removes the checks for NaN
// The macro that -ffast-math and -Ofast define.
#ifndef FIXED
#pragma GCC diagnostic ignored "-Wbuiltin-macro-redefined"
#define __FAST_MATH__ 1
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
