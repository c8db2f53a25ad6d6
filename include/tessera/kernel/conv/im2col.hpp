#pragma once
// The patches of output pixels as rows of a matrix, [row][tap][channel]: for maps of few channels, where a tap is too
// short for the register tile, and for scalars that go through Eigen.

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
        if (channels == 1)  // a call of memcpy for each number takes half of the layer's time
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

}  // namespace tessera::kernel
