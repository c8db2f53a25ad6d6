#pragma once
// simd: the vector type and its arithmetic. The only file that includes xsimd (8.1 to 14); it adds what these lack.
//
//     Vec<T>               a vector register of the widest instructions that the program is compiled for
//     fma(a, b, c)         a b + c, rounded once, by intrinsics: with AVX-512 xsimd::fma of 8.1 is a product and a sum
//                          (register tile at 49 % of the peak, and other bits than with AVX2)
//     divide, sqrt         rounded as IEEE 754 says: xsimd 8.1 has Newton steps on NEON, which miss the last bit
//     fma_lane<i>(a, b, c) a[i] b + c, rounded once: one instruction on AArch64, which then broadcasts nothing
//     max, min             of equal zeros, and if one is NaN, the second, as x86 does; NEON's own give +0 and NaN
//     map(n, out, f, a...) a loop over arrays with a tail
//
// Where a product feeds a sum, kernels call fma explicitly: nothing is left that a compiler could contract on its own.

#include <tessera/core/abi.hpp>
#include <tessera/core/intrinsics.hpp>

// The warnings as in core/intrinsics.hpp, for a host that includes <immintrin.h> before tessera: Eigen and oneTBB do.
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// <complex.h> of C defines `I`, which is a parameter in xsimd (and not here). The host's is back afterwards.
#pragma push_macro("I")
#undef I
#include <xsimd/xsimd.hpp>
#pragma pop_macro("I")

#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

// The header that does not exist ends the compilation after the sentence, as in core/abi.hpp.
#if !defined(XSIMD_VERSION_MAJOR) || XSIMD_VERSION_MAJOR < 8 || (XSIMD_VERSION_MAJOR == 8 && XSIMD_VERSION_MINOR < 1)
#error "tessera: needs xsimd 8.1 or newer; the compiler has found the headers of an older one first"
#include <tessera_needs_newer_xsimd>
#endif

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel::simd {

template <class T>
using Vec = xsimd::batch<T>;
template <class T>
inline constexpr std::size_t width = Vec<T>::size;

/// True where fma below is one rounding in hardware; then AVX2 and AVX-512 builds give the same bits.
#if defined(__FMA__) || defined(__AVX512F__) || defined(__ARM_FEATURE_FMA)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

/// Scalar a b + c; one rounding where the machine can (a library call of 50 ns otherwise, so not there).
template <std::floating_point T>
inline T fma(T a, T b, T c) {
    if constexpr (has_fma)
        return std::fma(a, b, c);
    else
        return a * b + c;
}
// By value and always inlined: an accumulator that is passed by reference stays in memory (35 % of the peak).
template <class T>
[[gnu::__always_inline__]] inline Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__AVX512F__)
    if constexpr (std::same_as<T, float>)
        return Vec<T>(_mm512_fmadd_ps(a, b, c));
    else
        return Vec<T>(_mm512_fmadd_pd(a, b, c));
#elif defined(__FMA__)
    if constexpr (std::same_as<T, float>)
        return Vec<T>(_mm256_fmadd_ps(a, b, c));
    else
        return Vec<T>(_mm256_fmadd_pd(a, b, c));
#else
    return xsimd::fma(a, b, c);
#endif
}
/// c - a b
template <class T>
inline Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) {
    return simd::fma<T>(-a, b, c);
}

template <class T>
[[gnu::__always_inline__]] inline Vec<T> load(const T* p) {
    return Vec<T>::load_unaligned(p);
}
template <class T>
[[gnu::__always_inline__]] inline void store(T* p, Vec<T> v) {
    v.store_unaligned(p);
}
/// Prefetches the cache line of p, which need not be dereferenceable.
template <class T>
[[gnu::__always_inline__]] inline void prefetch(const T* p) {
    __builtin_prefetch(p);
}
/// The same into L2, for use much later, so that the line does not occupy L1 in the meantime.
template <class T>
[[gnu::__always_inline__]] inline void prefetch_to_l2(const T* p) {
    __builtin_prefetch(p, 0, 2);
}
/// v, hidden from the optimiser in a register: it is then loaded once, and not again by each instruction that uses it.
template <class T>
[[gnu::__always_inline__]] inline Vec<T> in_register(Vec<T> v) {
#if defined(__AVX512F__)
    typename Vec<T>::register_type r = v;
    asm("" : "+v"(r));
    return Vec<T>(r);
#elif defined(__SSE2__)
    typename Vec<T>::register_type r = v;
    asm("" : "+x"(r));
    return Vec<T>(r);
#else
    return v;
#endif
}
namespace detail {
#if !defined(__AVX512F__) && defined(__AVX2__)
/// All bits set in the first n of eight lanes.
[[gnu::__always_inline__]] inline __m256i first_lanes(std::size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif
}  // namespace detail

/// The first n < width elements; the other lanes are zero. A masked load where the machine has one: through memory a
/// short row costs more than its arithmetic (softmax of 49 scores: 10 against 5 us a head).
template <class T>
[[gnu::__always_inline__]] inline Vec<T> load_part(const T* p, std::size_t n) {
#if defined(__AVX512F__)
    if constexpr (std::same_as<T, float>)
        return Vec<T>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p));
    else
        return Vec<T>(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p));
#else
#if defined(__AVX2__)
    if constexpr (std::same_as<T, float>) return Vec<T>(_mm256_maskload_ps(p, detail::first_lanes(n)));
#endif
    alignas(64) T padded[width<T>]{};
    for (std::size_t i = 0; i < n && i < width<T>; ++i) padded[i] = p[i];  // without i < width g++ 12 warns
    return load(static_cast<const T*>(padded));
#endif
}
/// The first n < width lanes of v.
template <class T>
[[gnu::__always_inline__]] inline void store_part(T* p, Vec<T> v, std::size_t n) {
#if defined(__AVX512F__)
    if constexpr (std::same_as<T, float>)
        _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
    else
        _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
#else
#if defined(__AVX2__)
    if constexpr (std::same_as<T, float>) return _mm256_maskstore_ps(p, detail::first_lanes(n), v);
#endif
    alignas(64) T padded[width<T>];
    store(padded, v);
    for (std::size_t i = 0; i < n && i < width<T>; ++i) p[i] = padded[i];
#endif
}

using xsimd::abs;
using xsimd::all;
using xsimd::max;
using xsimd::min;
using xsimd::select;

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__ARM_FEATURE_SVE_BITS)
/// True where fma_lane is one instruction.
inline constexpr bool has_fma_lane = true;
template <std::size_t lane>
[[gnu::__always_inline__]] inline Vec<float> fma_lane(Vec<float> a, Vec<float> b, Vec<float> c) {
    // not vfmaq_laneq_f32, whose sums g++ 12 copies between registers (2 copies in a loop of 64 fmla)
    const float32x4_t x = a, y = b;
    float32x4_t sum = c;
    asm("fmla %0.4s, %1.4s, %2.s[%c3]" : "+w"(sum) : "w"(y), "w"(x), "i"(lane));
    return Vec<float>(sum);
}
inline Vec<float> divide(Vec<float> a, Vec<float> b) { return Vec<float>(vdivq_f32(a, b)); }
inline Vec<double> divide(Vec<double> a, Vec<double> b) { return Vec<double>(vdivq_f64(a, b)); }
inline Vec<float> sqrt(Vec<float> v) { return Vec<float>(vsqrtq_f32(v)); }
inline Vec<double> sqrt(Vec<double> v) { return Vec<double>(vsqrtq_f64(v)); }
#else
inline constexpr bool has_fma_lane = false;
template <std::size_t lane>
[[gnu::__always_inline__]] inline Vec<float> fma_lane(Vec<float> a, Vec<float> b, Vec<float> c) {
    return simd::fma<float>(Vec<float>(a.get(lane)), b, c);
}
template <std::floating_point T>
[[gnu::__always_inline__]] inline Vec<T> divide(Vec<T> a, Vec<T> b) {
    return a / b;
}
using xsimd::sqrt;
#endif
/// Vector registers that a kernel may count on.
inline constexpr std::size_t registers = has_fma_lane || width<float> == 16 ? 32 : 16;

#if !defined(__SSE2__)
template <std::floating_point T>
[[gnu::__always_inline__]] inline Vec<T>(max)(const Vec<T>& a, const Vec<T>& b) {
    return select(a > b, a, b);
}
template <std::floating_point T>
[[gnu::__always_inline__]] inline Vec<T>(min)(const Vec<T>& a, const Vec<T>& b) {
    return select(a < b, a, b);
}
#endif

/// out[i] = f(a[i]...) for i < n, one vector at a time. out may be one of the inputs.
template <class T, class F, class... A>
inline void map(std::size_t n, T* out, F f, const A*... a) {
    std::size_t i = 0;
    for (; i + width<T> <= n; i += width<T>) store(out + i, f(load(a + i)...));
    if (i < n) store_part(out + i, f(load_part(a + i, n - i)...), n - i);
}

namespace detail {
#if defined(XSIMD_VERSION_MAJOR) && XSIMD_VERSION_MAJOR < 9
template <class To, class From>
inline Vec<To> bits_as(const Vec<From>& v) {
    return xsimd::bitwise_cast<Vec<To>>(v);
}
#else
template <class To, class From>
inline Vec<To> bits_as(const Vec<From>& v) {
    return xsimd::bitwise_cast<To>(v);
}
#endif
}  // namespace detail

}  // namespace tessera::kernel::simd
