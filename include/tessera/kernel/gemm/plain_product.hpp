#pragma once
// row_product: one row of a product of matrices in scalars other than float, for the gradient checks in double.
//
//     sum over i < k of x[i x_stride] b[i ldb + j], for every column j < n
//
// Four vectors of columns are in registers: one load for each FMA, where the register tile for float has one for two or
// three. The sum of a column runs over i in order, so the results do not depend on the width of the vectors.
//
// Shapes   x [k], elements x_stride apart; b [k, n], rows ldb apart
// Cost     k n multiply-adds

#include <tessera/kernel/simd/simd.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

/// Calls use(j, sum) for each column, j in order.
template <std::floating_point T, class Use>
void row_product(std::size_t k, const T* x, std::size_t x_stride, const T* b, std::size_t ldb, std::size_t n, Use use) {
    constexpr std::size_t W = simd::width<T>, block = 4 * W;
    std::size_t j = 0;
    for (; j + block <= n; j += block) {
        simd::Vec<T> sums[4] = {T(0), T(0), T(0), T(0)};
        for (std::size_t i = 0; i < k; ++i) {
            const simd::Vec<T> factor(x[i * x_stride]);
            for (std::size_t v = 0; v < 4; ++v)
                sums[v] = simd::fma<T>(factor, simd::load(b + i * ldb + j + v * W), sums[v]);
        }
        T stored[block];
        for (std::size_t v = 0; v < 4; ++v) simd::store(stored + v * W, sums[v]);
        for (std::size_t c = 0; c < block; ++c) use(j + c, stored[c]);
    }
    for (; j < n; ++j) {
        T sum = T(0);
        for (std::size_t i = 0; i < k; ++i) sum = simd::fma(x[i * x_stride], b[i * ldb + j], sum);
        use(j, sum);
    }
}

}  // namespace tessera::kernel
