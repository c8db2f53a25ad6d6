// expect: tessera: needs xsimd 8.1 or newer
// The version of another xsimd that the compiler found first, for example that of a conda environment.
#include <xsimd/xsimd.hpp>
#ifndef FIXED
#undef XSIMD_VERSION_MAJOR
#define XSIMD_VERSION_MAJOR 8
#undef XSIMD_VERSION_MINOR
#define XSIMD_VERSION_MINOR 0
#endif
#include <tessera/kernel/simd/simd.hpp>

std::size_t width() { return tessera::kernel::simd::width<float>; }
