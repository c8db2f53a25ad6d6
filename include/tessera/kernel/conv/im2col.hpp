#pragma once
// im2col: the patches of output pixels as rows of a matrix; col2im: its adjoint.
//
//     im2col    rows[m][t] = x(in(o, t)), zero outside the map      m: pixel o of an image
//     col2im    y(i) = relu(bias + sum of columns[o][t] over all (o, t) with in(o, t) = i)
//
// For maps of few channels, whose taps are too short for the register tile, and for scalars other than float.
//
// Shapes   x, y [batch, in_pixels, channels]; rows, columns [rows][taps][channels]
// Cost     one pass over the patches; no products

#include <tessera/kernel/conv/patch_plan.hpp>

#include <algorithm>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

/// Rows first .. first + count of a batch: row m is pixel m % plan.pixels of image m / plan.pixels.
template <class T>
void im2col(const PatchPlan& plan, const T* x, std::size_t in_pixels, std::size_t channels, std::size_t first,
            std::size_t count, T* rows) {
    const T* image = x + first / plan.pixels * in_pixels * channels;
    std::size_t pixel = first % plan.pixels;
    for (std::size_t m = 0; m < count; ++m) {
        const std::int32_t* in = plan.in.data() + pixel * plan.taps;
        if (channels == 1)  // a call of memcpy for each number would take half of the layer's time
            for (std::size_t t = 0; t < plan.taps; ++t) *rows++ = in[t] < 0 ? T(0) : image[in[t]];
        else
            for (std::size_t t = 0; t < plan.taps; ++t, rows += channels)
                if (in[t] < 0)
                    std::fill_n(rows, channels, T(0));
                else
                    std::copy_n(image + static_cast<std::size_t>(in[t]) * channels, channels, rows);
        if (++pixel == plan.pixels) {
            pixel = 0;
            image += in_pixels * channels;
        }
    }
}

/// y = relu(bias + sum of columns[o][t] at in(o, t)): the adjoint of im2col, [row][tap][channel] back onto maps of
/// in_pixels pixels; pixels o and taps t in order.
template <class T>
void col2im(const PatchPlan& plan, std::size_t batch, const T* columns, std::size_t channels, const T* bias, bool relu,
            T* y, std::size_t in_pixels) {
    const std::size_t size = in_pixels * channels;
    for (std::size_t b = 0; b < batch; ++b, y += size) {
        for (std::size_t i = 0; i < size; ++i) y[i] = bias ? bias[i % channels] : T(0);
        const std::int32_t* in = plan.in.data();
        for (std::size_t i = 0; i < plan.pixels * plan.taps; ++i, columns += channels)
            if (in[i] >= 0)
                for (std::size_t c = 0; c < channels; ++c)
                    y[static_cast<std::size_t>(in[i]) * channels + c] += columns[c];
        if (relu)
            for (std::size_t i = 0; i < size; ++i) y[i] = y[i] < T(0) ? T(0) : y[i];
    }
}

}  // namespace tessera::kernel
