#pragma once
// PatchPlan: the input pixels that each output pixel of a convolution reads, as a table made once from the sizes.
//
//     gather    y(o) = sum over taps t of  x(o stride + t - pad) w(t)              all output pixels, all taps
//     scatter   the adjoint: x(i) = sum of y(o) w(t) over all (o, t) with o stride + t - pad = i. Pixels fall into
//               stride^2 classes that share their taps (4 x 4 stride 2: four classes of 2 x 2 taps), so no zero is
//               multiplied. It is the backward pass of a convolution and the forward pass of a transposed one.
//
// The zeros around a map are not multiplied either: of the 9 x 49 products of a 3 x 3 window on 7 x 7 pixels 18 % would
// be with them. Pixels are in groups that miss the same taps, five for such a window: above, below, left, right, inside
// (16 % less work; separate groups for the corners would be too small for a tile).
//
// Shapes   in [pixels, taps], out [pixels], window [taps]
// Cost     4 bytes for each pixel and tap

#include <tessera/core/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::kernel {

/// The sizes of a convolution from a large map (height x width) to a small one; square window.
struct PatchSize {
    std::size_t height, width;          ///< of the map that the window moves over
    std::size_t out_height, out_width;  ///< number of positions of the window
    std::size_t size, stride, pad;
};

/// Pixels that are computed together, and the taps that read the map for at least one of them; both ascending.
struct PatchGroup {
    Buffer<std::int32_t> pixels, taps;
};

struct PatchPlan {
    std::size_t pixels = 0;  ///< output pixels of this class
    std::size_t taps = 0;
    Buffer<std::int32_t> in;         ///< [pixel][tap]: pixel of the input, -1 outside the map
    Buffer<std::int32_t> out;        ///< [pixel]: pixel of the output
    Buffer<std::int32_t> window;     ///< [tap]: position in the window, row-major
    std::vector<PatchGroup> groups;  ///< each pixel in one of them
    PatchSize sizes{};               ///< of a gather plan; all 0 in a scatter plan
};

namespace detail {
/// Groups the pixels, `columns` in a row. A row of which no pixel has some tap is put into one group as a whole.
inline void group_pixels(PatchPlan& plan, std::size_t columns) {
    const auto taps_of = [&](std::size_t first, std::size_t count) {
        Buffer<std::int32_t> taps;
        for (std::size_t t = 0; t < plan.taps; ++t)
            for (std::size_t p = first; p < first + count; ++p)
                if (plan.in[p * plan.taps + t] >= 0) {
                    taps.push_back(static_cast<std::int32_t>(t));
                    break;
                }
        return taps;
    };
    const auto add = [&](Buffer<std::int32_t> taps, std::size_t first, std::size_t count) {
        std::size_t g = 0;
        while (g < plan.groups.size() && plan.groups[g].taps != taps) ++g;
        if (g == plan.groups.size()) plan.groups.push_back({{}, std::move(taps)});
        for (std::size_t p = first; p < first + count; ++p)
            plan.groups[g].pixels.push_back(static_cast<std::int32_t>(p));
    };
    for (std::size_t row = 0; row < plan.pixels; row += columns)
        if (auto taps = taps_of(row, columns); taps.size() < plan.taps)
            add(std::move(taps), row, columns);
        else
            for (std::size_t p = row; p < row + columns; ++p) add(taps_of(p, 1), p, 1);
}
}  // namespace detail

/// The plan of a convolution.
inline PatchPlan gather_plan(const PatchSize& s) {
    PatchPlan plan;
    plan.pixels = s.out_height * s.out_width;
    plan.taps = s.size * s.size;
    plan.sizes = s;
    for (std::size_t t = 0; t < plan.taps; ++t) plan.window.push_back(static_cast<std::int32_t>(t));
    for (std::size_t y = 0; y < s.out_height; ++y)
        for (std::size_t x = 0; x < s.out_width; ++x) {
            plan.out.push_back(static_cast<std::int32_t>(y * s.out_width + x));
            for (std::size_t t = 0; t < plan.taps; ++t) {
                // unsigned: a position left of or above the map wraps to a large number and fails the test
                const std::size_t row = y * s.stride + t / s.size - s.pad, column = x * s.stride + t % s.size - s.pad;
                const bool inside = row < s.height && column < s.width;
                plan.in.push_back(inside ? static_cast<std::int32_t>(row * s.width + column) : -1);
            }
        }
    detail::group_pixels(plan, s.out_width);
    return plan;
}

/// The plans of its adjoint, one for each class of pixels.
inline std::vector<PatchPlan> scatter_plans(const PatchSize& s) {
    std::vector<PatchPlan> plans;
    for (std::size_t py = 0; py < s.stride; ++py)
        for (std::size_t px = 0; px < s.stride; ++px) {
            PatchPlan plan;
            for (std::size_t t = 0; t < s.size * s.size; ++t)
                if ((py + s.pad + s.size * s.stride - t / s.size) % s.stride == 0 &&
                    (px + s.pad + s.size * s.stride - t % s.size) % s.stride == 0)
                    plan.window.push_back(static_cast<std::int32_t>(t));
            plan.taps = plan.window.size();
            for (std::size_t y = py; y < s.height; y += s.stride)
                for (std::size_t x = px; x < s.width; x += s.stride) {
                    plan.out.push_back(static_cast<std::int32_t>(y * s.width + x));
                    for (const std::int32_t w : plan.window) {
                        const std::size_t t = static_cast<std::size_t>(w);
                        const std::size_t up = y + s.pad - t / s.size, left = x + s.pad - t % s.size;
                        const std::size_t row = up / s.stride, column = left / s.stride;
                        const bool inside = row < s.out_height && column < s.out_width;
                        plan.in.push_back(inside ? static_cast<std::int32_t>(row * s.out_width + column) : -1);
                    }
                }
            plan.pixels = plan.out.size();
            if (plan.pixels == 0) continue;
            detail::group_pixels(plan, (s.width - px + s.stride - 1) / s.stride);
            plans.push_back(std::move(plan));
        }
    return plans;
}

}  // namespace tessera::kernel
