#pragma once
// rms_norm_forward, rms_norm_backward: root mean square normalisation (Zhang, Sennrich 2019, arXiv:1910.07467) of each
// row.
//
//     n = x rstd,      y = weight n,   rstd = 1 / sqrt(mean(x^2) + eps)
//     g = dy weight,   dx = rstd (g - n mean(g n)) + onto
//     dweight += sum over rows of dy n
//
// Means are over the columns of a row, in 16 virtual lanes and a fixed tree (lane_sums). `onto` is the gradient of the
// other branch of a residual, if given.
//
// Shapes   x, y, dy, dx, onto [rows, width]; weight, dweight [width]; rstd [rows]
// Cost     two passes over each row each way, while the row is in L1

#include <tessera/kernel/simd/columns.hpp>
#include <tessera/kernel/simd/lane_sums.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

/// rstd: for backward.
template <std::floating_point T>
void rms_norm_forward(std::span<const T> x, std::span<const T> weight, std::span<T> y, std::span<T> rstd, T eps) {
    using V = simd::Vec<T>;
    const std::size_t width = weight.size();
    const T per = T(1) / static_cast<T>(width);
    for (std::size_t r = 0; r < rstd.size(); ++r) {
        const T* row = x.data() + r * width;
        const auto add_square = [](auto& sums, const V& v) { sums[0] = simd::fma<T>(v, v, sums[0]); };
        const T squares = lane_sums<T, 1>(width, add_square, row)[0];
        const T s = T(1) / std::sqrt(simd::fma<T>(squares, per, eps));
        rstd[r] = s;
        const V scale(s);
        simd::map(
            width, y.data() + r * width, [&](const V& v, const V& w) { return v * scale * w; }, row, weight.data());
    }
}

/// Overwrites dx, adds to dweight.
template <std::floating_point T>
void rms_norm_backward(std::span<const T> x, std::span<const T> weight, std::span<const T> rstd, std::span<const T> dy,
                       std::span<T> dx, std::span<T> dweight, const T* onto = nullptr) {
    using V = simd::Vec<T>;
    const std::size_t width = weight.size();
    const T per = T(1) / static_cast<T>(width);
    for (std::size_t r = 0; r < rstd.size(); ++r) {
        const T* row = x.data() + r * width;
        const T* d = dy.data() + r * width;
        T* out = dx.data() + r * width;
        const V scale(rstd[r]);
        // mean(g n) of the row
        const auto add = [&](auto& sums, const V& u, const V& w, const V& v) {
            sums[0] = simd::fma<T>(u * w, v * scale, sums[0]);
        };
        const T mean_gn = lane_sums<T, 1>(width, add, d, weight.data(), row)[0] * per;
        // dx and dweight, column by column
        for_columns<T>(width, [&](auto zero, std::size_t c) {
            using N = decltype(zero);
            const N u = simd::load_columns<N>(d + c), w = simd::load_columns<N>(weight.data() + c);
            const N n = simd::load_columns<N>(row + c) * N(rstd[r]);
            const N d_x = N(rstd[r]) * simd::fma<T>(-n, N(mean_gn), u * w);
            simd::store_columns(out + c, onto ? d_x + simd::load_columns<N>(onto + r * width + c) : d_x);
            simd::store_columns(dweight.data() + c, simd::fma<T>(u, n, simd::load_columns<N>(dweight.data() + c)));
        });
    }
}

}  // namespace tessera::kernel
