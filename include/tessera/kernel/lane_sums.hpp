#pragma once
// Several sums over arrays in one pass, each over 16 virtual lanes and a fixed tree (see simd::sum): the bits
// do not depend on the width of a register.
//
//     const auto [s, ss] = lane_sums<T, 2>(n, [](auto& sums, const auto& v) {
//         sums[0] = sums[0] + v;
//         sums[1] = simd::fma<T>(v, v, sums[1]);
//     }, x);
//
// The step adds by itself, so that a product that feeds a sum can be one fma. What it does behind the end is
// dropped.

#include <tessera/kernel/simd.hpp>

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
    alignas(64) std::array<std::array<T, simd::lanes>, K> total;
    for (std::size_t k = 0; k < K; ++k)
        for (std::size_t p = 0; p < parts; ++p) simd::store(total[k].data() + p * W, sums[p][k]);
    for (std::size_t p = 0; i < n; i += W, ++p) {
        const std::size_t count = std::min(W, n - i);
        step(sums[p], simd::load_part(a + i, count)...);
        for (std::size_t k = 0; k < K; ++k) simd::store_part(total[k].data() + p * W, sums[p][k], count);
    }
    std::array<T, K> result;
    for (std::size_t k = 0; k < K; ++k) result[k] = simd::detail::tree(total[k], simd::detail::Add{});
    return result;
}

}  // namespace tessera::inline TESSERA_ABI::kernel
