#pragma once
// simd::name(): what the program was compiled for.

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI::kernel::simd {

/// The widest instructions, for the first line of a log.
inline const char* name() {
#if defined(__AVX512F__)
    return "AVX-512";
#elif defined(__AVX2__) && defined(__FMA__)
    return "AVX2+FMA";
#elif defined(__AVX2__)
    return "AVX2";
#elif defined(__AVX__)
    return "AVX";
#elif defined(__SSE2__)
    return "SSE2";
#elif defined(__ARM_NEON)
    return "NEON";
#else
    return "scalar";
#endif
}

}  // namespace tessera::kernel::simd
