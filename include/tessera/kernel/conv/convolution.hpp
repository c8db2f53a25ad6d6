#pragma once
// The two products of a convolution over a PatchPlan; maps are channel last, w is [tap][channel][n].
//
//     convolve           y(o)[j] = bias[j] + sum over taps t, channels c of x(in(o, t))[c] w[t][c][j]
//     convolve_adjoint   dw[t][c][j] += sum over pixels o of x(in(o, t))[c] dy(o)[j]
//
// The register tile reads the input through one pointer a tap; what lies outside the map is left out, or points to zeros
// where another row of the tile has it. No padding and no im2col; convolve copies nothing, the adjoint at most a chunk of
// rows that stays in L2 (in_place_of_taps). Maps of fewer than 8 channels are gathered into rows first: those of one tile,
// or 6272 numbers in the adjoint.
//
// To leave out the zeros around 7 x 7 and 14 x 14 maps makes each pass 1.1 to 1.2 times as fast, and a training step of the
// presets 1.15 to 1.2 times. It changes no bit: a sum plus a product with zero is the sum.

#include <tessera/kernel/conv/im2col.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_adjoint.hpp>
#include <tessera/kernel/threads/team.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
inline constexpr std::size_t short_tap = 8;        // floats: below, gathering rows is faster than following pointers
inline constexpr std::size_t gathered_row = 1024;  // longest row that is gathered, in floats
inline constexpr std::size_t gathered = 98 * 64;   // floats in a gathered block of the adjoint

inline constexpr std::size_t zeros_length = 1024;
alignas(64) inline constexpr float zeros[zeros_length] = {};

// Of rows first .. first + count those whose patch has this tap: row[i] counts from `first` on, pointers[i] is where it
// stands. Returns how many. Images and pixels are walked, not divided out.
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
// Maps as pixels of some numbers each.
template <class T>
struct Maps {
    T* data;
    std::size_t pixels, channels;
    T* image(std::size_t i) const { return data + i * pixels * channels; }
};
// For rows first .. first + count <= tile::max_rows of a group, in[tap * count + i] and out[i]. Row m is the group's pixel
// m % size of image m / size.
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
            const float* inside = from + static_cast<std::ptrdiff_t>(p) * static_cast<std::ptrdiff_t>(x.channels);
            in[t * count + i] = p < 0 ? zeros : inside;
        }
        out[i] = y.image(image) + static_cast<std::size_t>(plan.out[pixel]) * y.channels;
        if (++at == size) {
            at = 0;
            ++image;
        }
    }
}

// What a member makes of an output: whole panels where they can be shared evenly, so that each member reads its own weights
// only, or rows.
struct Part {
    Part(const Worker& me, std::size_t all_rows, std::size_t panels, bool may_cut_columns)
        : rows{all_rows}, end_panel{panels} {
        if (may_cut_columns && panels % me.size() == 0) {
            std::tie(first_panel, end_panel) = me.share(panels);
        } else {
            first_row = me.share(all_rows).first;
            rows = me.share(all_rows).second - first_row;
        }
    }
    std::size_t first_row = 0, rows, first_panel = 0, end_panel;
};
}  // namespace detail

/// What the kernels' tables hold: channels of a map, and taps of a window (16 x 16).
inline constexpr std::size_t max_channels = detail::zeros_length;
inline constexpr std::size_t max_taps = 256;

/// y(o) for every image and every pixel o of the plan; y has out_pixels pixels of w.columns() channels. A member of a team
/// makes its share only.
template <std::floating_point T>
void convolve(const PatchPlan& plan, std::size_t batch, const T* x, std::size_t in_pixels, std::size_t channels,
              const Panels<T>& w, T* y, std::size_t out_pixels, Epilogue<T> end = {}, const Worker& me = {}) {
    const std::size_t rows = batch * plan.pixels, n = w.columns(), k = w.rows();
    const auto out_row = [&](std::size_t m) {
        return y + (m / plan.pixels * out_pixels + static_cast<std::size_t>(plan.out[m % plan.pixels])) * n;
    };
    if constexpr (std::same_as<T, float>) {
        constexpr std::size_t R = tile::max_rows,
                              table = R * max_taps;  // pointers: at least one tile of the largest window
        const std::size_t panels = (n + panel_width - 1) / panel_width;
        float* out[R * detail::block_tiles];
        const auto multiply = [&](const detail::Part& part, const float* const* a, std::size_t r, std::size_t tiles,
                                  const tile::Segments& segments) {
            for (std::size_t p = part.first_panel, j = p * panel_width; p < part.end_panel; ++p, j += panel_width)
                tile::forward(r, tiles, a, segments, w.panel(p), out, j, (std::min)(panel_width, n - j),
                              detail::tile_end(end, y, j));
        };
        if (channels < detail::short_tap && k <= detail::gathered_row) {
            alignas(64) float
                patches[R * detail::gathered_row];  // in a scope of its own: never on the stack with the table
            const float* a[R];
            const detail::Part part(me, rows, panels, false);
            tile::EvenCut(part.rows).for_runs(1, [&](std::size_t first, std::size_t r, std::size_t) {
                first += part.first_row;
                im2col(plan, x, in_pixels, channels, first, r, patches);
                for (std::size_t i = 0; i < r; ++i) a[i] = patches + i * k, out[i] = out_row(first + i);
                multiply(part, a, r, 1, tile::whole(k));
            });
            return;
        }
        const float* a[table];
        for (const PatchGroup& group : plan.groups) {
            const tile::Segments segments{group.taps.size(), channels, group.taps.data()};
            const std::size_t most = table / (R * (std::max)(segments.count, std::size_t{1}));
            const std::size_t together = tile::W == 16 ? 1 : (std::min)(detail::block_tiles, most);
            const detail::Part part(me, batch * group.pixels.size(), panels, true);
            tile::EvenCut(part.rows).for_runs(together, [&](std::size_t first, std::size_t r, std::size_t tiles) {
                for (std::size_t t = 0; t < tiles; ++t)
                    detail::point_tile(plan, group, {x, in_pixels, channels}, {y, out_pixels, n},
                                       part.first_row + first + t * r, r, a + t * r * segments.count, out + t * r);
                multiply(part, a, r, tiles, segments);
            });
        }
    } else if (me.index() == 0) {
        Buffer<T> patches;
        patches.resize(rows * k);
        im2col(plan, x, in_pixels, channels, 0, rows, patches.data());
        for (std::size_t m = 0; m < rows; ++m)
            row_product<T>(k, patches.data() + m * k, 1, w.data(), n, n, [&](std::size_t j, T sum) {
                T* out = out_row(m) + j;
                *out = detail::finish(end, sum, j, out - y);
            });
    }
}

namespace detail {
// Taps read the same maps, of which a chunk reads `read` numbers, and the same dy. With AVX2 the maps are read in place up
// to 128 KiB (88 instead of 83 % of the peak; 200 KiB: 77 instead of 82), and dy is copied once for all taps (128 columns:
// 88 instead of 77 %; 32: 88 instead of 90). With AVX-512 both or neither: in place gains 8 points at 64 columns, nothing
// at 128.
inline InPlace in_place_of_taps(std::size_t taps, std::size_t read, std::size_t n) {
    if (tile::W == 16) return {.x = n <= 64, .dy = n <= 64};
    return {.x = read * sizeof(float) <= 128 * 1024, .dy = taps == 1 || n < 64};
}
}  // namespace detail

/// dw (taps * channels x n) += patches^T dy; the plan is a gather plan, dy holds plan.pixels pixels an image. `copies` as
/// for gemm_adjoint.
template <std::floating_point T>
void convolve_adjoint(const PatchPlan& plan, std::size_t batch, const T* x, std::size_t in_pixels, std::size_t channels,
                      const T* dy, std::size_t n, T* dw, Buffer<T>& copies) {
    const std::size_t rows = batch * plan.pixels, k = plan.taps * channels;
    if constexpr (std::same_as<T, float>) {
        if (channels < detail::short_tap && k <= detail::gathered) {
            alignas(64) float patches[detail::gathered];
            const std::size_t block = (std::max)(std::size_t{1}, detail::gathered / k);
            for (std::size_t m = 0; m < rows; m += block) {
                const std::size_t count = (std::min)(block, rows - m);
                im2col(plan, x, in_pixels, channels, m, count, patches);
                gemm_adjoint<float>(count, k, n, patches, k, dy + m * n, n, dw, n, copies);
            }
        } else {
            const auto point = [&](std::size_t tap, std::size_t m, std::size_t count, const float** a,
                                   std::uint32_t* row) {
                return detail::patches_of_tap(plan, x, in_pixels, channels, m, count, tap, a, row);
            };
            const std::size_t read = detail::chunk_rows * in_pixels / plan.pixels * channels;
            detail::adjoint_rows(rows, plan.taps, channels, n, point, dy, n, dw, n,
                                 detail::in_place_of_taps(plan.taps, read, n), copies);
        }
    } else {
        Buffer<T> patches;
        patches.resize(rows * k);
        im2col(plan, x, in_pixels, channels, 0, rows, patches.data());
        for (std::size_t i = 0; i < k; ++i)
            row_product<T>(rows, patches.data() + i, k, dy, n, n, [&](std::size_t j, T sum) { dw[i * n + j] += sum; });
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
