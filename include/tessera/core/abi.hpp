#pragma once
// The one configuration header: TESSERA_ABI, the inline namespace of everything of ours.
//
// It names what changes the code of an inline function without changing its signature: the version, the vector
// instructions and the floating-point mode. Two objects of one program that were compiled with different flags then
// share no symbol of ours; passing a Tensor from one to the other is a link error, not an illegal instruction.
// The tag is short because g++ prints it in every name.

#include <tessera/version.hpp>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "tessera: -ffast-math removes the checks for NaN and reorders sums; compile without it"
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define TESSERA_ABI v0_avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define TESSERA_ABI v0_avx2
#elif defined(__AVX__)
#define TESSERA_ABI v0_avx
#elif defined(__SSE2__) || defined(_M_X64)
#define TESSERA_ABI v0_sse2
#elif defined(__ARM_NEON)
#define TESSERA_ABI v0_neon
#else
#define TESSERA_ABI v0_scalar
#endif
