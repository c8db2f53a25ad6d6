#pragma once
// tap_pointers: where the rows of a convolution's product are in memory, one pointer for each row and tap.
//
//     point_tile        for convolve: the rows of one tile, all taps of the group; zeros where a tap is outside the map
//     patches_of_tap    for convolve_weight_gradient: the rows of a chunk whose patch has one tap inside the map
//
// Shapes   x [batch, in_pixels, channels], channels <= max_channels; taps <= max_taps

#include <tessera/kernel/conv/patch_plan.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
inline constexpr std::size_t zeros_length = 1024;
alignas(64) inline constexpr float zeros[zeros_length] = {};
}  // namespace detail

/// What the kernels' tables hold: channels of a map, and taps of a window (16 x 16).
inline constexpr std::size_t max_channels = detail::zeros_length;
inline constexpr std::size_t max_taps = 256;

namespace detail {
// Images of one batch: `pixels` pixels of `channels` elements each.
template <class T>
struct Maps {
    T* data;
    std::size_t pixels, channels;
    T* image(std::size_t i) const { return data + i * pixels * channels; }
};
// Which of rows first .. first + count have this tap inside the map: row[i] counts from `first` on, pointers[i] points
// to the pixel of x. Returns how many. Images and pixels are stepped through, which takes no division.
inline std::size_t patches_of_tap(const PatchPlan& plan, const float* x, std::size_t in_pixels, std::size_t channels,
                                  std::size_t first, std::size_t count, std::size_t tap, const float** pointers,
                                  std::uint32_t* row) {
    const float* image = x + first / plan.pixels * in_pixels * channels;
    std::size_t pixel = first % plan.pixels, n = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (const std::int32_t in = plan.in[pixel * plan.taps + tap]; in >= 0) {
            pointers[n] = image + static_cast<std::size_t>(in) * channels;
            row[n++] = static_cast<std::uint32_t>(i);
        }
        if (++pixel == plan.pixels) {
            pixel = 0;
            image += in_pixels * channels;
        }
    }
    return n;
}
// The pointers of rows first .. first + count <= tile::max_rows of a group: in[tap * count + i] into x, or to zeros,
// and out[i] into y. Row m of a group of s pixels is its pixel m % s of image m / s.
inline void point_tile(const PatchPlan& plan, const PatchGroup& group, Maps<const float> x, Maps<float> y,
                       std::size_t first, std::size_t count, const float** in, float** out) {
    const std::size_t size = group.pixels.size(), taps = group.taps.size();
    std::size_t image = first / size, at = first % size;
    for (std::size_t i = 0; i < count; ++i) {
        const float* from = x.image(image);
        const std::size_t pixel = static_cast<std::size_t>(group.pixels[at]);
        const std::int32_t* read = plan.in.data() + pixel * plan.taps;
        for (std::size_t t = 0; t < taps; ++t) {
            const std::int32_t p = read[group.taps[t]];
            in[t * count + i] = p < 0 ? zeros : from + static_cast<std::size_t>(p) * x.channels;
        }
        out[i] = y.image(image) + static_cast<std::size_t>(plan.out[pixel]) * y.channels;
        if (++at == size) {
            at = 0;
            ++image;
        }
    }
}
}  // namespace detail

}  // namespace tessera::kernel
