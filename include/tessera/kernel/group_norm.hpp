#pragma once
// group_norm_forward, group_norm_backward: group normalisation (Wu, He 2018, arXiv:1803.08494) of one channel-last
// image.
//
//     n = (x - mean) rstd,   y = weight n + bias,   rstd = 1 / sqrt(mean((x - mean)^2) + eps)
//     g = dy weight,         dx = rstd (g - mean(g) - n mean(g n))
//     dweight += sum over pixels of dy n,   dbias += sum over pixels of dy
//
// Means are over all pixels and channels of a group of neighbouring channels; weight and bias are one element a
// channel. Sums run down the pixels channel by channel (one SIMD lane is one channel), then over the channels of a
// group in order.
//
// Shapes   x, y, dy, dx [pixels, channels]; weight, bias, mean, rstd, dweight, dbias [channels]; sums [2, channels]
// Cost     three passes over x forward, two over x and dy backward

#include <tessera/kernel/simd/columns.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
/// Replaces the number of each channel by the sum over its group.
template <std::floating_point T>
void sum_groups(std::span<T> per_channel, std::size_t groups) {
    const std::size_t each = per_channel.size() / groups;
    for (std::size_t g = 0; g < groups; ++g) {
        T total = 0;
        for (T value : per_channel.subspan(g * each, each)) total += value;
        for (T& value : per_channel.subspan(g * each, each)) value = total;
    }
}
}  // namespace detail

/// mean, rstd: one element for each channel, the same within a group; backward needs them.
template <std::floating_point T>
void group_norm_forward(std::span<const T> x, std::size_t groups, std::span<const T> weight, std::span<const T> bias,
                        std::span<T> y, std::span<T> mean, std::span<T> rstd, T eps) {
    const std::size_t channels = weight.size(), rows = x.size() / channels;
    const T per = static_cast<T>(groups) / static_cast<T>(x.size());
    // mean of each group
    for_columns<T>(channels, [&](auto zero, std::size_t c) {
        auto total = zero;
        for (std::size_t r = 0; r < rows; ++r)
            total = total + simd::load_columns<decltype(zero)>(x.data() + r * channels + c);
        simd::store_columns(mean.data() + c, total);
    });
    detail::sum_groups(mean, groups);
    for (T& value : mean) value *= per;

    // rstd of each group, from the squared distances to its mean
    for_columns<T>(channels, [&](auto zero, std::size_t c) {
        using N = decltype(zero);
        const N m = simd::load_columns<N>(mean.data() + c);
        N total = zero;
        for (std::size_t r = 0; r < rows; ++r) {
            const N d = simd::load_columns<N>(x.data() + r * channels + c) - m;
            total = simd::fma<T>(d, d, total);
        }
        simd::store_columns(rstd.data() + c, total);
    });
    detail::sum_groups(rstd, groups);
    for (T& value : rstd) value = T(1) / std::sqrt(simd::fma<T>(value, per, eps));

    // y = (x - mean) rstd weight + bias
    for_columns<T>(channels, [&](auto zero, std::size_t c) {
        using N = decltype(zero);
        const N m = simd::load_columns<N>(mean.data() + c), s = simd::load_columns<N>(rstd.data() + c);
        const N w = simd::load_columns<N>(weight.data() + c), b = simd::load_columns<N>(bias.data() + c);
        for (std::size_t r = 0; r < rows; ++r) {
            const std::size_t i = r * channels + c;
            simd::store_columns(y.data() + i, simd::fma<T>((simd::load_columns<N>(x.data() + i) - m) * s, w, b));
        }
    });
}

/// Overwrites dx, adds to dweight and dbias. sums: scratch of 2 x channels.
template <std::floating_point T>
void group_norm_backward(std::span<const T> x, std::size_t groups, std::span<const T> weight, std::span<const T> mean,
                         std::span<const T> rstd, std::span<const T> dy, std::span<T> dx, std::span<T> dweight,
                         std::span<T> dbias, std::span<T> sums) {
    const std::size_t channels = weight.size(), rows = x.size() / channels;
    const T per = static_cast<T>(groups) / static_cast<T>(x.size());
    const std::span<T> sum_g = sums.first(channels), sum_gn = sums.subspan(channels, channels);
    // sums of dy and dy n down each channel: dbias, dweight, and with weight the sums of g and g n
    for_columns<T>(channels, [&](auto zero, std::size_t c) {
        using N = decltype(zero);
        const N m = simd::load_columns<N>(mean.data() + c), s = simd::load_columns<N>(rstd.data() + c);
        N d = zero, dn = zero;
        for (std::size_t r = 0; r < rows; ++r) {
            const std::size_t i = r * channels + c;
            const N u = simd::load_columns<N>(dy.data() + i);
            d = d + u;
            dn = simd::fma<T>(u, (simd::load_columns<N>(x.data() + i) - m) * s, dn);
        }
        const N w = simd::load_columns<N>(weight.data() + c);
        simd::store_columns(sum_g.data() + c, d * w);
        simd::store_columns(sum_gn.data() + c, dn * w);
        simd::store_columns(dbias.data() + c, simd::load_columns<N>(dbias.data() + c) + d);
        simd::store_columns(dweight.data() + c, simd::load_columns<N>(dweight.data() + c) + dn);
    });
    detail::sum_groups(sum_g, groups);
    detail::sum_groups(sum_gn, groups);

    // dx = rstd (g - mean(g) - n mean(g n))
    for_columns<T>(channels, [&](auto zero, std::size_t c) {
        using N = decltype(zero);
        const N m = simd::load_columns<N>(mean.data() + c), s = simd::load_columns<N>(rstd.data() + c),
                w = simd::load_columns<N>(weight.data() + c);
        const N mean_g = simd::load_columns<N>(sum_g.data() + c) * N(per),
                mean_gn = simd::load_columns<N>(sum_gn.data() + c) * N(per);
        for (std::size_t r = 0; r < rows; ++r) {
            const std::size_t i = r * channels + c;
            const N n = (simd::load_columns<N>(x.data() + i) - m) * s;
            const N g = simd::fma<T>(simd::load_columns<N>(dy.data() + i), w, -mean_g);
            simd::store_columns(dx.data() + i, s * simd::fma<T>(-n, mean_gn, g));
        }
    });
}

}  // namespace tessera::kernel
