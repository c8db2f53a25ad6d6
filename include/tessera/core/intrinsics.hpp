#pragma once
// The door to the vector instructions of x86-64.
//
// g++ takes registers that its own AVX-512 intrinsics leave undefined on purpose for a mistake of their caller (GCC PR105593):
// 726 warnings in a program of a host with -Wall, also where our headers are system headers. What counts is the state at
// the definition of the intrinsics, so every header that reaches a third party with vectors includes this one first.

#if defined(__SSE2__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
