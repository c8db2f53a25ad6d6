#pragma once
// TESSERA_ABI: the inline namespace of the library, and the checks of the compiler's floating-point mode.
//
//     v0_sse2   v0_sse42   v0_avx   v0_avx2 (with FMA: x86-64-v3)   v0_avx512 (F CD DQ BW VL: x86-64-v4)   v0_neon
//
// The tag encodes everything that changes the code of an inline function without changing its signature: the major
// version, and every macro of an instruction set on which this library or xsimd (8.1 to 14) branches. One program uses
// one minor version of tessera and one version of xsimd. Two objects of one program that were compiled
// for different vector instructions therefore share no symbol of the library (tests/odr/architectures.sh), and passing
// a Tensor from one to the other is a link error, not an illegal instruction.
//
// A file that is compiled with _GLIBCXX_DEBUG, in which containers have other sizes, adds _debug.
//
// Less common instruction sets add suffixes: v0_avx_fma, v0_avx2_nofma, v0_avx512f (F alone), v0_avx512_imwn (with
// IFMA, VBMI, VBMI2, VNNI). The tag is short because g++ prints it in every name.
//
// Errors   #error where a floating-point mode that changes results is on and the compiler says so: clang defines macros
//          for -ffast-math and -ffinite-math-only, g++ also for -fassociative-math and -freciprocal-math, both for
//          wider types of intermediate results (-mfpmath=387); and where exceptions are off, or the language is older
//          than C++20

#include <tessera/version.hpp>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "tessera: -ffast-math removes the checks for NaN and reorders sums; compile without it"
#endif
#if defined(__ASSOCIATIVE_MATH__)
#error "tessera: -fassociative-math (part of -funsafe-math-optimizations) reorders sums; compile without it"
#endif
#if defined(__RECIPROCAL_MATH__)
#error "tessera: -freciprocal-math (part of -funsafe-math-optimizations) changes quotients; compile without it"
#endif
// 0: each result has the type of its operands. 16 is the same but for half precision, with which nothing is computed.
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "tessera: -mfpmath=387 (or -ffp-eval-method) rounds float as a wider type; compile without it"
#endif

// The headers that do not exist end the compilation after the sentence; otherwise thousands of errors would follow.
#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "tessera: C++20 is needed; compile with -std=c++20, or link the CMake target tessera::tessera"
#include <tessera_needs_cxx20>
#endif
// Errors are exceptions.
#if !defined(__cpp_exceptions)
#error "tessera: -fno-exceptions leaves no way to report errors; compile without it"
#include <tessera_needs_exceptions>
#endif

// The widest vector instructions.
#if defined(__AVX512F__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && defined(__AVX512BW__) &&                 \
    defined(__AVX512VL__)
#define TESSERA_ABI_VECTORS v0_avx512
#elif defined(__AVX512F__)
#define TESSERA_ABI_VECTORS v0_avx512f
#elif defined(__AVX2__)
#define TESSERA_ABI_VECTORS v0_avx2
#elif defined(__AVX__)
#define TESSERA_ABI_VECTORS v0_avx
#elif defined(__SSE4_2__)
#define TESSERA_ABI_VECTORS v0_sse42
#elif defined(__SSE4_1__)
#define TESSERA_ABI_VECTORS v0_sse41
#elif defined(__SSSE3__)
#define TESSERA_ABI_VECTORS v0_ssse3
#elif defined(__SSE3__)
#define TESSERA_ABI_VECTORS v0_sse3
#elif defined(__SSE2__) || defined(_M_X64)
#define TESSERA_ABI_VECTORS v0_sse2
#elif defined(__ARM_FEATURE_SVE_BITS) && __ARM_FEATURE_SVE_BITS >= 512
#define TESSERA_ABI_VECTORS v0_sve512
#elif defined(__ARM_FEATURE_SVE_BITS) && __ARM_FEATURE_SVE_BITS >= 256
#define TESSERA_ABI_VECTORS v0_sve256
#elif defined(__ARM_FEATURE_SVE_BITS) && __ARM_FEATURE_SVE_BITS > 0
#define TESSERA_ABI_VECTORS v0_sve128
#elif defined(__ARM_NEON)
#define TESSERA_ABI_VECTORS v0_neon
#elif defined(__VEC__)
#define TESSERA_ABI_VECTORS v0_altivec
#else
#define TESSERA_ABI_VECTORS v0_scalar
#endif

// Fused multiply-add: named only where it differs from what processors with these vectors usually have.
#if defined(__AVX2__) || defined(__AVX512F__) || defined(__ARM_NEON)
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define TESSERA_ABI_FMA
#else
#define TESSERA_ABI_FMA _nofma
#endif
#elif defined(__FMA__)
#define TESSERA_ABI_FMA _fma
#else
#define TESSERA_ABI_FMA
#endif
#if defined(__FMA4__)
#define TESSERA_ABI_FMA4 _fma4
#else
#define TESSERA_ABI_FMA4
#endif

// The parts of AVX-512: named only where some of them are missing.
#if defined(__AVX512F__) &&                                                                                            \
    !(defined(__AVX512CD__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__))
#define TESSERA_ABI_PART(letter) letter
#else
#define TESSERA_ABI_PART(letter)
#endif
#if defined(__AVX512CD__)
#define TESSERA_ABI_CD TESSERA_ABI_PART(c)
#else
#define TESSERA_ABI_CD
#endif
#if defined(__AVX512DQ__)
#define TESSERA_ABI_DQ TESSERA_ABI_PART(d)
#else
#define TESSERA_ABI_DQ
#endif
#if defined(__AVX512BW__)
#define TESSERA_ABI_BW TESSERA_ABI_PART(b)
#else
#define TESSERA_ABI_BW
#endif
#if defined(__AVX512VL__)
#define TESSERA_ABI_VL TESSERA_ABI_PART(v)
#else
#define TESSERA_ABI_VL
#endif

// Extensions of AVX-512, and other extensions for which xsimd has a separate architecture.
#if defined(__AVX512IFMA__)
#define TESSERA_ABI_IFMA i
#else
#define TESSERA_ABI_IFMA
#endif
#if defined(__AVX512VBMI__)
#define TESSERA_ABI_VBMI m
#else
#define TESSERA_ABI_VBMI
#endif
#if defined(__AVX512VBMI2__)
#define TESSERA_ABI_VBMI2 w
#else
#define TESSERA_ABI_VBMI2
#endif
#if defined(__AVX512VNNI__)
#define TESSERA_ABI_VNNI n
#else
#define TESSERA_ABI_VNNI
#endif
#if defined(__AVX512ER__)
#define TESSERA_ABI_ER e
#else
#define TESSERA_ABI_ER
#endif
#if defined(__AVX512PF__)
#define TESSERA_ABI_PF p
#else
#define TESSERA_ABI_PF
#endif
#if defined(__AVXVNNI__)
#define TESSERA_ABI_AVXVNNI a
#else
#define TESSERA_ABI_AVXVNNI
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define TESSERA_ABI_I8MM g
#else
#define TESSERA_ABI_I8MM
#endif
#if defined(__AVX512IFMA__) || defined(__AVX512VBMI__) || defined(__AVX512VBMI2__) || defined(__AVX512VNNI__) ||       \
    defined(__AVX512ER__) || defined(__AVX512PF__) || defined(__AVXVNNI__) || defined(__ARM_FEATURE_MATMUL_INT8)
#define TESSERA_ABI_EXTENDED _
#else
#define TESSERA_ABI_EXTENDED
#endif

#if defined(_GLIBCXX_DEBUG)
#define TESSERA_ABI_DEBUG _debug
#else
#define TESSERA_ABI_DEBUG
#endif

#define TESSERA_ABI_PASTE(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)                                           \
    a##b##c##d##e##f##g##h##i##j##k##l##m##n##o##p##q
#define TESSERA_ABI_JOIN(...) TESSERA_ABI_PASTE(__VA_ARGS__)
#define TESSERA_ABI                                                                                                    \
    TESSERA_ABI_JOIN(TESSERA_ABI_VECTORS, TESSERA_ABI_CD, TESSERA_ABI_DQ, TESSERA_ABI_BW, TESSERA_ABI_VL,              \
                     TESSERA_ABI_FMA, TESSERA_ABI_FMA4, TESSERA_ABI_EXTENDED, TESSERA_ABI_IFMA, TESSERA_ABI_VBMI,      \
                     TESSERA_ABI_VBMI2, TESSERA_ABI_VNNI, TESSERA_ABI_ER, TESSERA_ABI_PF, TESSERA_ABI_AVXVNNI,         \
                     TESSERA_ABI_I8MM, TESSERA_ABI_DEBUG)
