#pragma once
// pool: pooling and nearest-neighbour upsampling of one channel-last image; one SIMD lane is one channel.
//
//     average    y = sum over the window of x / size^2 (padding counts as zero);  dx of every window gets dy / size^2
//     maximum    y = the largest x of the window, dx gets dy there; of equal ones the first in row-major order
//     upsample   y(i, j) = x(i / factor, j / factor);                             dx = the sum of its factor^2 dy
//
// Shapes   x, dx [height, width, channels]; y, dy, position [out_height, out_width, channels];
//          upsampling: y, dy [factor height, factor width, channels]
// Cost     size^2 additions or comparisons for each number of y, size^2 for each of dy; factor^2 copies or additions
//          for each number of x when upsampling

#include <tessera/kernel/simd/columns.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

/// The sizes of a pooling: an image of height x width x channels under a square window.
struct Pool {
    std::size_t height, width, channels;
    std::size_t size, stride, pad;
    std::size_t out_height, out_width;
};

namespace detail {
/// f(offset of the input pixel, position in the window) for every position of the window that is inside the image.
template <class F>
void for_window(const Pool& p, std::size_t oy, std::size_t ox, F f) {
    for (std::size_t ky = 0; ky < p.size; ++ky) {
        const std::size_t iy = oy * p.stride + ky;  // shifted by pad
        if (iy < p.pad || iy - p.pad >= p.height) continue;
        for (std::size_t kx = 0; kx < p.size; ++kx) {
            const std::size_t ix = ox * p.stride + kx;
            if (ix < p.pad || ix - p.pad >= p.width) continue;
            f(((iy - p.pad) * p.width + ix - p.pad) * p.channels, ky * p.size + kx);
        }
    }
}
/// f(row, column, offset) for every output pixel.
template <class F>
void for_outputs(const Pool& p, F f) {
    for (std::size_t oy = 0; oy < p.out_height; ++oy)
        for (std::size_t ox = 0; ox < p.out_width; ++ox) f(oy, ox, (oy * p.out_width + ox) * p.channels);
}
}  // namespace detail

template <std::floating_point T>
void average_pool_forward(const Pool& p, std::span<const T> x, std::span<T> y) {
    const T share = T(1) / static_cast<T>(p.size * p.size);
    detail::for_outputs(p, [&](std::size_t oy, std::size_t ox, std::size_t out) {
        for_columns<T>(p.channels, [&](auto zero, std::size_t c) {
            using N = decltype(zero);
            N total = zero;
            detail::for_window(p, oy, ox, [&](std::size_t in, std::size_t) {
                total = total + simd::load_columns<N>(x.data() + in + c);
            });
            simd::store_columns(y.data() + out + c, total * N(share));
        });
    });
}

template <std::floating_point T>
void average_pool_backward(const Pool& p, std::span<const T> dy, std::span<T> dx) {
    const T share = T(1) / static_cast<T>(p.size * p.size);
    std::ranges::fill(dx, T(0));
    detail::for_outputs(p, [&](std::size_t oy, std::size_t ox, std::size_t out) {
        for_columns<T>(p.channels, [&](auto zero, std::size_t c) {
            using N = decltype(zero);
            const N d = simd::load_columns<N>(dy.data() + out + c);
            detail::for_window(p, oy, ox, [&](std::size_t in, std::size_t) {
                simd::store_columns(dx.data() + in + c,
                                    simd::fma<T>(d, N(share), simd::load_columns<N>(dx.data() + in + c)));
            });
        });
    });
}

/// position: the index of each maximum in its window, as a T (it is compared in registers). A NaN in the window is the
/// maximum.
template <std::floating_point T>
void max_pool_forward(const Pool& p, std::span<const T> x, std::span<T> y, std::span<T> position) {
    detail::for_outputs(p, [&](std::size_t oy, std::size_t ox, std::size_t out) {
        for_columns<T>(p.channels, [&](auto zero, std::size_t c) {
            using N = decltype(zero);
            N best = zero, where = zero;
            bool first = true;
            detail::for_window(p, oy, ox, [&](std::size_t in, std::size_t k) {
                const N v = simd::load_columns<N>(x.data() + in + c), here(static_cast<T>(k));
                // The old value is kept where it is NaN, or where v is not NaN and not larger.
                const auto choose = [&](const N& fresh, const N& old) {
                    const N larger = simd::where_greater(v, best, fresh, old);
                    return simd::where_equal(best, best, simd::where_equal(v, v, larger, fresh), old);
                };
                where = first ? here : choose(here, where);
                best = first ? v : choose(v, best);
                first = false;
            });
            simd::store_columns(y.data() + out + c, best);
            simd::store_columns(position.data() + out + c, where);
        });
    });
}

template <std::floating_point T>
void max_pool_backward(const Pool& p, std::span<const T> position, std::span<const T> dy, std::span<T> dx) {
    std::ranges::fill(dx, T(0));
    detail::for_outputs(p, [&](std::size_t oy, std::size_t ox, std::size_t out) {
        for_columns<T>(p.channels, [&](auto zero, std::size_t c) {
            using N = decltype(zero);
            const N d = simd::load_columns<N>(dy.data() + out + c),
                    where = simd::load_columns<N>(position.data() + out + c);
            detail::for_window(p, oy, ox, [&](std::size_t in, std::size_t k) {
                const N share = simd::where_equal(where, N(static_cast<T>(k)), d, zero);
                simd::store_columns(dx.data() + in + c, simd::load_columns<N>(dx.data() + in + c) + share);
            });
        });
    });
}

/// x: height x width x channels, y: (factor height) x (factor width) x channels.
template <std::floating_point T>
void upsample_nearest_forward(std::size_t width, std::size_t channels, std::size_t factor, std::span<const T> x,
                              std::span<T> y) {
    const std::size_t line = width * channels;  // of x; a line of y has factor times as many
    T* out = y.data();
    for (std::size_t first = 0; first < x.size(); first += line) {
        T* const start = out;
        for (std::size_t i = first; i < first + line; i += channels)
            for (std::size_t k = 0; k < factor; ++k) out = std::copy_n(x.data() + i, channels, out);
        for (std::size_t k = 1; k < factor; ++k) out = std::copy_n(start, line * factor, out);
    }
}

template <std::floating_point T>
void upsample_nearest_backward(std::size_t width, std::size_t channels, std::size_t factor, std::span<const T> dy,
                               std::span<T> dx) {
    const std::size_t line = width * channels * factor;  // of dy
    for (std::size_t pixel = 0; pixel * channels < dx.size(); ++pixel) {
        const T* corner = dy.data() + pixel / width * factor * line + pixel % width * factor * channels;
        for_columns<T>(channels, [&](auto zero, std::size_t c) {
            auto total = zero;
            for (std::size_t i = 0; i < factor; ++i)
                for (std::size_t j = 0; j < factor; ++j)
                    total = total + simd::load_columns<decltype(zero)>(corner + i * line + j * channels + c);
            simd::store_columns(dx.data() + pixel * channels + c, total);
        });
    }
}

}  // namespace tessera::kernel
