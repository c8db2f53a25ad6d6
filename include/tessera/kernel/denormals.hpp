#pragma once
// FlushDenormals: while one lives, its thread treats denormal numbers as zero and rounds to nearest; afterwards the
// mode is what it was.
//
// Every task of the library runs under one. GELU's sigmoid and the moments of idle embeddings produce numbers around
// 6e-39, and a fused GEMM fed with them fell from 70 % of the peak to 8 %. The rest of the mode is fixed too, so that a
// host that rounds upwards, or traps on an inexact result, gets the bits that everybody gets, and no signal.

#include <tessera/core/abi.hpp>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace tessera::inline TESSERA_ABI::kernel {

class FlushDenormals {
public:
#if defined(__SSE2__)
    FlushDenormals() : before_{_mm_getcsr()} { _mm_setcsr(0x9FC0u); }  // FTZ, DAZ; nearest; no traps
    ~FlushDenormals() { _mm_setcsr(before_); }
#else
    FlushDenormals() = default;
    ~FlushDenormals() {}
#endif
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
#if defined(__SSE2__)
    unsigned before_;
#endif
};

}  // namespace tessera::kernel
