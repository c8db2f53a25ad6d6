#pragma once
// im2col: the patches of output pixels as rows of a matrix. Its adjoint is col2im.
//
//     rows[m][t] = x(in(o, t)), zero outside the map      m: pixel o of an image
//
// For maps of few channels, whose taps are too short for the register tile, and for scalars other than float.
//
// Shapes   x [batch, in_pixels, channels]; rows [rows][taps][channels]
// Cost     one pass over the patches; no products

#include <tessera/kernel/conv/patch_plan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
// The rows of im2col over any plan, tap by tap.
template <class T>
void im2col_taps(const PatchPlan& plan, const T* x, std::size_t in_pixels, std::size_t channels, std::size_t first,
                 std::size_t count, T* rows) {
    const T* image = x + first / plan.pixels * in_pixels * channels;
    std::size_t pixel = first % plan.pixels;
    for (std::size_t m = 0; m < count; ++m) {
        const std::int32_t* in = plan.in.data() + pixel * plan.taps;
        for (std::size_t t = 0; t < plan.taps; ++t)
            for (std::size_t c = 0; c < channels; ++c)
                *rows++ = in[t] < 0 ? T(0) : image[static_cast<std::size_t>(in[t]) * channels + c];
        if (++pixel == plan.pixels) {
            pixel = 0;
            image += in_pixels * channels;
        }
    }
}
// Over a gather plan. One line of the window, `size` numbers next to each other in the map, is one copy; the pixels of
// one line of outputs together, as the copies are `stride` apart. N = size * channels makes it a move or two, where a
// call of memmove takes longer than the copy; 0 is any size.
template <std::size_t N, class T, class F>
void im2col_lines(const PatchPlan& plan, const T* x, std::size_t channels, std::size_t first, std::size_t count,
                  T* rows, F& after_line) {
    const PatchSize s = plan.sizes;
    const std::size_t size = N > 0 ? N : s.size * channels, length = s.size * size, step = s.stride * channels;
    // outputs begin .. end - 1 of a line have all of its window's pixels inside
    const std::size_t begin = (s.pad + s.stride - 1) / s.stride;
    const std::size_t end = s.width + s.pad < s.size ? 0 : (s.width + s.pad - s.size) / s.stride + 1;
    const T* image = x + first / plan.pixels * s.height * s.width * channels;
    std::size_t y = first % plan.pixels / s.out_width, left = first % plan.pixels % s.out_width;
    while (count > 0) {
        const std::size_t right = left + (std::min)(count, s.out_width - left);
        const std::size_t a = (std::clamp)(begin, left, right), b = (std::clamp)(end, a, right);
        for (std::size_t t = 0; t < s.size; ++t) {
            const std::size_t in = y * s.stride + t - s.pad;  // wraps where it is above the map
            const bool inside = in < s.height;
            const T* line = image + (inside ? in * s.width * channels : 0);
            T* to = rows + t * size;
            const auto edge = [&](std::size_t o) {
                std::fill_n(to, size, T(0));
                for (std::size_t i = 0; i < size && inside; ++i)
                    if (const std::size_t from = o * step + i - s.pad * channels; from < s.width * channels)
                        to[i] = line[from];
                to += length;
            };
            for (std::size_t o = left; o < a; ++o) edge(o);
            if (inside && a < b) {
                const T* from = line + (a * s.stride - s.pad) * channels;
                for (std::size_t o = a; o < b; ++o, from += step, to += length)
                    if constexpr (N > 0)
                        std::memcpy(to, from, N * sizeof(T));
                    else
                        std::copy_n(from, size, to);
            } else {
                for (std::size_t o = a; o < b; ++o, to += length) std::fill_n(to, size, T(0));
            }
            for (std::size_t o = b; o < right; ++o) edge(o);
        }
        after_line();
        rows += (right - left) * length;
        count -= right - left;
        left = 0;
        if (++y == s.out_height) {
            y = 0;
            image += s.height * s.width * channels;
        }
    }
}
}  // namespace detail

/// Rows first .. first + count of a batch: row m is pixel m % plan.pixels of image m / plan.pixels. after_line() is
/// called between lines of outputs, for work that waits for its own results and can run while lines are copied.
template <class T, class F>
void im2col(const PatchPlan& plan, const T* x, std::size_t in_pixels, std::size_t channels, std::size_t first,
            std::size_t count, T* rows, F&& after_line) {
    const auto lines = [&]<std::size_t N>(std::index_sequence<N>) {
        detail::im2col_lines<N>(plan, x, channels, first, count, rows, after_line);
    };
    if (plan.sizes.size == 0) return detail::im2col_taps(plan, x, in_pixels, channels, first, count, rows);
    switch (plan.sizes.size * channels) {  // windows of up to 5 pixels of one channel, of 3 and 4 of three
    case 1:
        return lines(std::index_sequence<1>{});
    case 2:
        return lines(std::index_sequence<2>{});
    case 3:
        return lines(std::index_sequence<3>{});
    case 4:
        return lines(std::index_sequence<4>{});
    case 5:
        return lines(std::index_sequence<5>{});
    case 9:
        return lines(std::index_sequence<9>{});
    case 12:
        return lines(std::index_sequence<12>{});
    default:
        return lines(std::index_sequence<0>{});
    }
}

template <class T>
void im2col(const PatchPlan& plan, const T* x, std::size_t in_pixels, std::size_t channels, std::size_t first,
            std::size_t count, T* rows) {
    im2col(plan, x, in_pixels, channels, first, count, rows, [] {});
}

}  // namespace tessera::kernel
