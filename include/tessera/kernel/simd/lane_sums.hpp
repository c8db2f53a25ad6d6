#pragma once
// lane_sums: several sums over arrays in one pass.
//
//     const auto [s, ss] = lane_sums<T, 2>(n, [](auto& sums, const auto& v) {
//         sums[0] = sums[0] + v;
//         sums[1] = simd::fma<T>(v, v, sums[1]);
//     }, x);
//
// Each sum runs over 16 virtual lanes and a fixed tree (see simd::sum), so the bits do not depend on the width of a
// register. The step does the addition, so that a product that feeds a sum can be one fma; what it adds past the end
// is dropped.
//
// Shapes   all arrays of one call have the same length n; the result is K sums
// Cost     one pass, then a tree for each sum

#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

template <std::floating_point T, std::size_t K, class Step, class... A>
inline std::array<T, K> lane_sums(std::size_t n, Step step, const A*... a) {
    using V = simd::Vec<T>;
    constexpr std::size_t W = simd::width<T>, parts = simd::lanes / W;
    std::array<std::array<V, K>, parts> sums;
    for (auto& part : sums) part.fill(V(T(0)));
    std::size_t i = 0;
    for (; i + simd::lanes <= n; i += simd::lanes)
        for (std::size_t p = 0; p < parts; ++p) step(sums[p], simd::load(a + i + p * W)...);
    for (std::size_t p = 0; i < n; i += W, ++p) {
        const std::size_t count = (std::min)(W, n - i);
        const auto before = sums[p];
        step(sums[p], simd::load_part(a + i, count)...);
        for (std::size_t k = 0; k < K; ++k) sums[p][k] = simd::detail::first_of<T>(count, sums[p][k], before[k]);
    }
    std::array<T, K> result;
    for (std::size_t k = 0; k < K; ++k) {
        V of_k[parts];
        for (std::size_t p = 0; p < parts; ++p) of_k[p] = sums[p][k];
        result[k] = simd::detail::tree<T>(of_k, simd::detail::Add{});
    }
    return result;
}

}  // namespace tessera::kernel
