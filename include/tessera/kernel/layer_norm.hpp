#pragma once
// layer_norm_forward, layer_norm_backward: layer normalisation (Ba, Kiros, Hinton 2016, arXiv:1607.06450) of each row.
//
//     n = (x - mean) rstd,   y = weight n + bias,   rstd = 1 / sqrt(mean((x - mean)^2) + eps)
//     g = dy weight,         dx = rstd (g - mean(g) - n mean(g n)) + onto
//     dweight += sum over rows of dy n,   dbias += sum over rows of dy
//
// Means are over the columns of a row, in 16 virtual lanes and a fixed tree (lane_sums). `onto` is the gradient of the
// other branch of a residual, if given. A bias of 0 elements is left out.
//
// Shapes   x, y, dy, dx, onto [rows, width]; weight, dweight [width]; bias, dbias [width] or [0]; mean, rstd [rows]
// Cost     three passes over each row forward, two backward, while the row is in L1

#include <tessera/kernel/simd/columns.hpp>
#include <tessera/kernel/simd/lane_sums.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

/// mean, rstd: for backward.
template <std::floating_point T>
void layer_norm_forward(std::span<const T> x, std::span<const T> weight, std::span<const T> bias, std::span<T> y,
                        std::span<T> mean, std::span<T> rstd, T eps) {
    using V = simd::Vec<T>;
    const std::size_t width = weight.size();
    const T per = T(1) / static_cast<T>(width);
    for (std::size_t r = 0; r < mean.size(); ++r) {
        const T* row = x.data() + r * width;
        // mean, then rstd from the squared distances to it
        const T m = lane_sums<T, 1>(
                        width, [](auto& sums, const V& v) { sums[0] = sums[0] + v; }, row)[0] *
                    per;
        const V centre(m);
        const auto add_square = [&](auto& sums, const V& v) {
            sums[0] = simd::fma<T>(v - centre, v - centre, sums[0]);
        };
        const T squares = lane_sums<T, 1>(width, add_square, row)[0];
        const T s = T(1) / std::sqrt(simd::fma<T>(squares, per, eps));
        mean[r] = m;
        rstd[r] = s;
        // y = (x - mean) rstd weight + bias
        const V scale(s);
        if (bias.empty()) {
            simd::map(
                width, y.data() + r * width, [&](const V& v, const V& w) { return (v - centre) * scale * w; }, row,
                weight.data());
            continue;
        }
        simd::map(
            width, y.data() + r * width,
            [&](const V& v, const V& w, const V& b) { return simd::fma<T>((v - centre) * scale, w, b); }, row,
            weight.data(), bias.data());
    }
}

/// Overwrites dx, adds to dweight and dbias.
template <std::floating_point T>
void layer_norm_backward(std::span<const T> x, std::span<const T> weight, std::span<const T> mean,
                         std::span<const T> rstd, std::span<const T> dy, std::span<T> dx, std::span<T> dweight,
                         std::span<T> dbias, const T* onto = nullptr) {
    using V = simd::Vec<T>;
    const std::size_t width = weight.size();
    const T per = T(1) / static_cast<T>(width);
    for (std::size_t r = 0; r < mean.size(); ++r) {
        const T* row = x.data() + r * width;
        const T* d = dy.data() + r * width;
        T* out = dx.data() + r * width;
        const V centre(mean[r]), scale(rstd[r]);
        // mean(g) and mean(g n) of the row
        const auto add = [&](auto& sums, const V& u, const V& w, const V& v) {
            sums[0] = simd::fma<T>(u, w, sums[0]);
            sums[1] = simd::fma<T>(u * w, (v - centre) * scale, sums[1]);
        };
        const auto sums = lane_sums<T, 2>(width, add, d, weight.data(), row);
        const T mean_g = sums[0] * per, mean_gn = sums[1] * per;
        // dx, dweight and dbias, column by column
        for_columns<T>(width, [&](auto zero, std::size_t c) {
            using N = decltype(zero);
            const N u = simd::load_columns<N>(d + c), w = simd::load_columns<N>(weight.data() + c);
            const N n = (simd::load_columns<N>(row + c) - N(mean[r])) * N(rstd[r]);
            const N g = simd::fma<T>(u, w, N(-mean_g));
            const N d_x = N(rstd[r]) * simd::fma<T>(-n, N(mean_gn), g);
            simd::store_columns(out + c, onto ? d_x + simd::load_columns<N>(onto + r * width + c) : d_x);
            simd::store_columns(dweight.data() + c, simd::fma<T>(u, n, simd::load_columns<N>(dweight.data() + c)));
            if (!dbias.empty()) simd::store_columns(dbias.data() + c, simd::load_columns<N>(dbias.data() + c) + u);
        });
    }
}

}  // namespace tessera::kernel
