#pragma once
// intrinsics: the one place where the library's own code includes the vector intrinsics of x86-64
// and AArch64.
//
// g++ mistakes registers that its own AVX-512 intrinsics leave undefined on purpose for uninitialised variables of the
// caller (GCC PR105593): some 790 warnings in a host's program with -Wall, even where our headers are system headers.
// The diagnostic state at the definition of the intrinsics or at a function into which they are inlined decides. So
// every header that includes a third party with vector code includes this one first, and the functions of kernel/simd
// are compiled without these two warnings.

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
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
