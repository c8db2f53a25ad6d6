#pragma once
// transpose: out[c][r] = factor[r] row(r)[c] for W rows of W elements, in registers.
//
// Parts of 16 bytes are combined while they are loaded, so that 8 x 8 elements take 16 shuffles instead of 24. The
// factor is there because the caller that turns queries into columns also scales them.
//
// Shapes   row(r): pointer to W elements, r < W; out [W, W], rows ldo apart
// Cost     W^2 / 4 loads, 2 W shuffles and W stores with AVX2 and AVX-512

#include <tessera/kernel/simd/simd.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
/// row(r) points to W elements; column c goes to out + c * ldo.
template <class Row>
[[gnu::__always_inline__]] inline void transpose(Row&& row, simd::Vec<float> factor, float* out, std::size_t ldo) {
#if defined(__AVX512F__)
    for (std::size_t g = 0; g < 16; g += 4) {  // columns g .. g + 3; r0 .. r3: rows i, i + 4, i + 8, i + 12
        const auto four = [&](std::size_t r) {
            __m512 t = _mm512_castps128_ps512(_mm_loadu_ps(row(r) + g));
            t = _mm512_insertf32x4(t, _mm_loadu_ps(row(r + 4) + g), 1);
            t = _mm512_insertf32x4(t, _mm_loadu_ps(row(r + 8) + g), 2);
            return _mm512_insertf32x4(t, _mm_loadu_ps(row(r + 12) + g), 3);
        };
        const __m512 r0 = four(0), r1 = four(1), r2 = four(2), r3 = four(3);
        const __m512 a = _mm512_unpacklo_ps(r0, r1), b = _mm512_unpackhi_ps(r0, r1);
        const __m512 c = _mm512_unpacklo_ps(r2, r3), d = _mm512_unpackhi_ps(r2, r3);
        const simd::Vec<float> columns[] = {_mm512_shuffle_ps(a, c, 0x44), _mm512_shuffle_ps(a, c, 0xEE),
                                            _mm512_shuffle_ps(b, d, 0x44), _mm512_shuffle_ps(b, d, 0xEE)};
        for (std::size_t i = 0; i < 4; ++i) simd::store(out + (g + i) * ldo, columns[i] * factor);
    }
#elif defined(__AVX2__)
    for (std::size_t g = 0; g < 8; g += 4) {  // columns g .. g + 3
        const auto two = [&](std::size_t r) {
            return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row(r) + g)), _mm_loadu_ps(row(r + 4) + g),
                                        1);
        };
        const __m256 r0 = two(0), r1 = two(1), r2 = two(2), r3 = two(3);
        const __m256 a = _mm256_unpacklo_ps(r0, r1), b = _mm256_unpackhi_ps(r0, r1);
        const __m256 c = _mm256_unpacklo_ps(r2, r3), d = _mm256_unpackhi_ps(r2, r3);
        const simd::Vec<float> columns[] = {_mm256_shuffle_ps(a, c, 0x44), _mm256_shuffle_ps(a, c, 0xEE),
                                            _mm256_shuffle_ps(b, d, 0x44), _mm256_shuffle_ps(b, d, 0xEE)};
        for (std::size_t i = 0; i < 4; ++i) simd::store(out + (g + i) * ldo, columns[i] * factor);
    }
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(__ARM_FEATURE_SVE_BITS)
    const auto pairs = [](float32x4_t v) { return vreinterpretq_f64_f32(v); };
    const float32x4_t r0 = vld1q_f32(row(0)), r1 = vld1q_f32(row(1)), r2 = vld1q_f32(row(2)), r3 = vld1q_f32(row(3));
    const float64x2_t a = pairs(vtrn1q_f32(r0, r1)), b = pairs(vtrn2q_f32(r0, r1));  // columns 0 and 2, 1 and 3
    const float64x2_t c = pairs(vtrn1q_f32(r2, r3)), d = pairs(vtrn2q_f32(r2, r3));
    const float64x2_t columns[] = {vtrn1q_f64(a, c), vtrn1q_f64(b, d), vtrn2q_f64(a, c), vtrn2q_f64(b, d)};
    for (std::size_t i = 0; i < 4; ++i)
        simd::store(out + i * ldo, simd::Vec<float>(vreinterpretq_f32_f64(columns[i])) * factor);
#else
    constexpr std::size_t W = simd::width<float>;
    for (std::size_t c = 0; c < W; ++c) {
        alignas(64) float column[W];
        for (std::size_t r = 0; r < W; ++r) column[r] = row(r)[c];
        simd::store(out + c * ldo, simd::load(static_cast<const float*>(column)) * factor);
    }
#endif
}
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace tessera::kernel
