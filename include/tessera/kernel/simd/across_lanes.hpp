#pragma once
// across_lanes: horizontal reductions, sums and maxima over arrays.
//
// They run over 16 virtual lanes and a fixed tree, whatever the width of a register, so AVX2 and AVX-512 give the same
// bits.
//
// Shapes   all arrays of one call have the same length n
// Cost     one pass, then 28 cycles for the tree

#include <tessera/kernel/simd/simd.hpp>

#include <array>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel::simd {

inline constexpr std::size_t lanes = 16;  // virtual lanes of every reduction

#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
/// All lanes of v combined by the tree below; the result is in every lane.
template <class T, class Combine>
inline Vec<T> across(const Vec<T>& v, Combine combine) {
#if defined(__AVX512F__)
    if constexpr (std::same_as<T, float>) {
        Vec<float> t = combine(v, Vec<float>(_mm512_shuffle_f32x4(v, v, 0x4E)));
        t = combine(t, Vec<float>(_mm512_shuffle_f32x4(t, t, 0xB1)));
        t = combine(t, Vec<float>(_mm512_permute_ps(t, 0x4E)));
        return combine(t, Vec<float>(_mm512_permute_ps(t, 0xB1)));
    }
#elif defined(__AVX2__)
    if constexpr (std::same_as<T, float>) {
        Vec<float> t = combine(v, Vec<float>(_mm256_permute2f128_ps(v, v, 1)));
        t = combine(t, Vec<float>(_mm256_permute_ps(t, 0x4E)));
        return combine(t, Vec<float>(_mm256_permute_ps(t, 0xB1)));
    }
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(__ARM_FEATURE_SVE_BITS)
    if constexpr (std::same_as<T, float>) {
        const Vec<float> t = combine(v, Vec<float>(vextq_f32(v, v, 2)));
        return combine(t, Vec<float>(vextq_f32(t, t, 1)));
    }
#endif
    alignas(64) T twice[2 * width<T>];
    Vec<T> t = v;
    for (std::size_t half = width<T> / 2; half > 0; half /= 2) {
        store(twice, t);
        store(twice + width<T>, t);
        t = combine(t, load(static_cast<const T*>(twice) + half));
    }
    return t;
}

#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

inline float first_lane(const Vec<float>& v) {
#if defined(__AVX512F__)
    return _mm512_cvtss_f32(v);
#elif defined(__AVX2__)
    return _mm256_cvtss_f32(v);
#else
    return v.get(0);
#endif
}

namespace detail {
/// The tree over 16 lanes: i with i + 8, then with i + 4, i + 2, i + 1.
template <class T, class Combine>
inline T tree(std::array<T, lanes>& a, Combine combine) {
    for (std::size_t half = lanes / 2; half > 0; half /= 2)
        for (std::size_t i = 0; i < half; ++i) a[i] = combine(a[i], a[i + half]);
    return a[0];
}
template <class T, std::size_t parts, class Combine>
inline T tree(const Vec<T> (&v)[parts], Combine combine) {
#if defined(__AVX2__)
    if constexpr (std::same_as<T, float>)  // through memory: 70 cycles instead of 28, a third of a softmax of 49
        return first_lane(across<T>(parts == 1 ? v[0] : combine(v[0], v[parts - 1]), combine));
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(__ARM_FEATURE_SVE_BITS)
    if constexpr (std::same_as<T, float>)
        return first_lane(across<T>(combine(combine(v[0], v[2]), combine(v[1], v[3])), combine));
#endif
    alignas(64) std::array<T, lanes> total;
    for (std::size_t p = 0; p < parts; ++p) store(total.data() + p * width<T>, v[p]);
    return tree(total, combine);
}
/// a in the first n lanes, b in the others.
template <class T>
inline Vec<T> first_of(std::size_t n, const Vec<T>& a, const Vec<T>& b) {
    alignas(64) static constexpr T numbers[lanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return select(Vec<T>::load_aligned(numbers) < Vec<T>(static_cast<T>(n)), a, b);
}
/// combine over f(a[i]...): virtual lane i % 16 combines every 16th element in order, then the tree combines the lanes.
template <class T, class Combine, class F, class... A>
inline T reduce(std::size_t n, T start, Combine combine, F f, const A*... a) {
    constexpr std::size_t W = width<T>, parts = lanes < W ? 1 : lanes / W;
    static_assert(W <= lanes, "a register wider than the virtual lanes");
    Vec<T> v[parts];
    for (auto& p : v) p = Vec<T>(start);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        for (std::size_t p = 0; p < parts; ++p) v[p] = combine(v[p], f(load(a + i + p * W)...));
    for (std::size_t p = 0; i < n; i += W, ++p) {
        const std::size_t count = n - i < W ? n - i : W;
        v[p] = first_of<T>(count, combine(v[p], f(load_part(a + i, count)...)), v[p]);
    }
    return tree<T>(v, combine);
}
struct Add {
    auto operator()(const auto& a, const auto& b) const { return a + b; }
};
struct Larger {
    template <class V>
    V operator()(const V& a, const V& b) const {
        if constexpr (std::floating_point<V>)
            return a > b ? a : b;
        else
            return (simd::max)(a, b);
    }
};
}  // namespace detail

/// Sum of f(a[i]...) over i < n.
template <class T, class F, class... A>
inline T sum(std::size_t n, F f, const A*... a) {
    return detail::reduce<T>(n, T(0), detail::Add{}, f, a...);
}
/// Largest a[i], n > 0. A NaN may be skipped; a sum keeps it.
template <class T>
inline T largest(std::size_t n, const T* a) {
    return detail::reduce<T>(
        n, a[0], detail::Larger{}, [](const Vec<T>& x) { return x; }, a);
}

}  // namespace tessera::kernel::simd
