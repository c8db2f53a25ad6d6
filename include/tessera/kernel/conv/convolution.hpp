#pragma once
// convolve, convolve_weight_gradient: the two products of a convolution over a PatchPlan; maps are channel last.
//
//     convolve                   y(o)[j] = bias[j] + sum over taps t, channels c of x(in(o, t))[c] w[t][c][j]
//     convolve_weight_gradient   dw[t][c][j] += sum over pixels o of x(in(o, t))[c] dy(o)[j]
//
// The register tile reads the input through one pointer per tap. A tap outside the map is left out, or points to zeros
// where another row of the tile has it inside. There is no padding and no im2col: convolve copies nothing,
// convolve_weight_gradient at most a chunk of rows that stays in L2 (in_place_of_taps). Maps of fewer than 8 channels
// are gathered into rows first: some tiles of them in convolve, 6272 elements in convolve_weight_gradient.
//
// Leaving out the zeros around 7 x 7 and 14 x 14 maps makes each pass 1.1 to 1.2 times as fast, and a training step of
// the presets 1.15 to 1.2 times. With finite weights it changes no bit: a sum plus a product with zero is the sum.
//
// Shapes   x [batch, in_pixels, channels], w [taps, channels, n], y [batch, out_pixels, n], dy [batch, plan.pixels, n],
//          dw [taps, channels, n]; channels <= max_channels, taps <= max_taps
// Cost     batch * pixels * taps * channels * n multiply-adds, less those of taps that all pixels of a group miss;
//          scalars other than float allocate the patches of the whole batch

#include <tessera/kernel/conv/im2col.hpp>
#include <tessera/kernel/conv/tap_pointers.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/threads/team.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
inline constexpr std::size_t short_tap = 8;        // channels; with fewer, gathering rows beats following pointers
inline constexpr std::size_t gathered_row = 1024;  // longest row that is gathered, in floats
inline constexpr std::size_t gathered = 98 * 64;   // floats in a gathered block of convolve_weight_gradient

// The operands of a convolution, and the worker that computes its share of it.
template <std::floating_point T>
struct Convolution {
    const PatchPlan& plan;
    std::size_t batch;
    Maps<const T> x;
    const Panels<T>& w;
    Maps<T> y;
    const Epilogue<T>& end;
    const Worker& worker;

    /// Row m of the product: pixel m % plan.pixels of image m / plan.pixels.
    T* out_row(std::size_t m) const {
        return y.image(m / plan.pixels) + static_cast<std::size_t>(plan.out[m % plan.pixels]) * y.channels;
    }
};

// The rows and panels of an output that a worker computes: all rows of its panels where these can be shared evenly, so
// that each worker reads its own weights only, or else all panels of its rows.
struct Share {
    Share(const Worker& worker, std::size_t all_rows, std::size_t panels, bool may_cut_columns)
        : rows{all_rows}, end_panel{panels} {
        if (may_cut_columns && panels % worker.size() == 0) {
            std::tie(first_panel, end_panel) = worker.share(panels);
        } else {
            first_row = worker.share(all_rows).first;
            rows = worker.share(all_rows).second - first_row;
        }
    }
    std::size_t first_row = 0, rows, first_panel = 0, end_panel;
};

// Tiles of r rows, through the pointers `in` and `out`, times the panels of a share.
template <std::same_as<float> T>
[[gnu::__always_inline__]] inline void multiply_tiles(const Convolution<T>& conv, const Share& share, std::size_t r,
                                                      std::size_t tiles, const T* const* in,
                                                      const tile::Segments& segments, T* const* out) {
    const std::size_t n = conv.w.columns();
    for (std::size_t p = share.first_panel, j = p * panel_width; p < share.end_panel; ++p, j += panel_width)
        tile::forward(r, tiles, in, segments, conv.w.panel(p), out, j, (std::min)(panel_width, n - j),
                      tile_epilogue(conv.end, conv.y.data, j));
}

// y = patches(x) w, the patches of some tiles gathered into rows at a time: for maps of few channels.
template <std::same_as<float> T>
void convolve_gathered(const Convolution<T>& conv) {
    constexpr std::size_t R = tile::max_rows;
    const std::size_t k = conv.w.rows(), pixels = conv.plan.pixels;
    alignas(64) T patches[R * gathered_row];
    const T* in[R * block_tiles];
    T* out[R * block_tiles];
    const Share share(conv.worker, conv.batch * pixels, conv.w.panel_count(), false);
    // The pixel of the first row costs divisions, for each row of a tile a third of the products of 16 taps: several
    // tiles at once, and the rows stepped through. 8 KiB of patches leave room in L1 for the panels.
    const std::size_t together = (std::clamp)(2048 / (R * k + 1), std::size_t{1}, block_tiles);
    tile::EvenCut(share.rows).for_runs(together, [&](std::size_t first, std::size_t r, std::size_t tiles) {
        first += share.first_row;
        im2col(conv.plan, conv.x.data, conv.x.pixels, conv.x.channels, first, r * tiles, patches);
        std::size_t image = first / pixels, pixel = first % pixels;
        for (std::size_t i = 0; i < r * tiles; ++i) {
            in[i] = patches + i * k;
            out[i] = conv.y.image(image) + static_cast<std::size_t>(conv.plan.out[pixel]) * conv.y.channels;
            if (++pixel == pixels) {
                pixel = 0;
                ++image;
            }
        }
        multiply_tiles<T>(conv, share, r, tiles, in, tile::one_segment(k), out);
    });
}

// y = patches(x) w by groups of pixels that read the same taps, through a table of one pointer into x for each row and
// tap.
template <std::same_as<float> T>
void convolve_groups(const Convolution<T>& conv) {
    constexpr std::size_t R = tile::max_rows, table = R * max_taps;  // at least one tile of the largest window
    const T* in[table];
    T* out[R * block_tiles];
    for (const PatchGroup& group : conv.plan.groups) {
        const tile::Segments segments{group.taps.size(), conv.x.channels, group.taps.data()};
        // tiles that share a panel while it is in L1: as many as the table holds (see gemm.hpp for AVX-512)
        const std::size_t most = table / (R * (std::max)(segments.count, std::size_t{1}));
        const std::size_t together = tile::W == 16 ? 1 : (std::min)(block_tiles, most);
        const Share share(conv.worker, conv.batch * group.pixels.size(), conv.w.panel_count(), true);
        tile::EvenCut(share.rows).for_runs(together, [&](std::size_t first, std::size_t r, std::size_t tiles) {
            for (std::size_t t = 0; t < tiles; ++t)
                point_tile(conv.plan, group, conv.x, conv.y, share.first_row + first + t * r, r,
                           in + t * r * segments.count, out + t * r);
            multiply_tiles<T>(conv, share, r, tiles, in, segments, out);
        });
    }
}

// y = patches(x) w with the patches of the whole batch in memory, for scalars other than float; one worker does it all.
template <std::floating_point T>
void convolve_plain(const Convolution<T>& conv) {
    if (conv.worker.id() != 0) return;
    const std::size_t rows = conv.batch * conv.plan.pixels, n = conv.w.columns(), k = conv.w.rows();
    Buffer<T> patches;
    patches.resize(rows * k);
    im2col(conv.plan, conv.x.data, conv.x.pixels, conv.x.channels, 0, rows, patches.data());
    for (std::size_t m = 0; m < rows; ++m)
        row_product<T>(k, patches.data() + m * k, 1, conv.w.data(), n, n, [&](std::size_t j, T sum) {
            T* out = conv.out_row(m) + j;
            *out = finish(conv.end, sum, j, out - conv.y.data);
        });
}
}  // namespace detail

/// y(o) for every image and every pixel o of the plan; y has out_pixels pixels of w.columns() channels. A worker of a
/// team computes its share only.
template <std::floating_point T>
void convolve(const PatchPlan& plan, std::size_t batch, const T* x, std::size_t in_pixels, std::size_t channels,
              const Panels<T>& w, T* y, std::size_t out_pixels, Epilogue<T> end = {}, const Worker& worker = {}) {
    const detail::Convolution<T> conv{plan, batch, {x, in_pixels, channels}, w, {y, out_pixels, w.columns()},
                                      end,  worker};
    if constexpr (!std::same_as<T, float>)
        detail::convolve_plain(conv);
    else if (channels < detail::short_tap && w.rows() <= detail::gathered_row)
        detail::convolve_gathered(conv);
    else
        detail::convolve_groups(conv);
}

namespace detail {
// All taps read the same maps, of which a chunk reads `read` numbers, and the same dy. With AVX2 the maps are read in
// place up to 128 KiB (88 instead of 83 % of the peak; 200 KiB: 77 instead of 82), and dy is copied once for all taps
// (128 columns: 88 instead of 77 %; 32: 88 instead of 90). With AVX-512 both are read in place or neither: in place
// gains 8 points at 64 columns, nothing at 128.
inline InPlace in_place_of_taps(std::size_t taps, std::size_t read, std::size_t n) {
    if (tile::W == 16) return {.x = n <= 64, .dy = n <= 64};
    return {.x = read * sizeof(float) <= 128 * 1024, .dy = taps == 1 || n < 64};
}
// Gathered patches are in L1 or L2, row after row. Read in place, as is their dy, they give the weight gradient of the
// first layer of the preset small (k = 16, n = 32) 1.2 times as fast with AVX-512 as copies, 1.05 to 1.1 times with
// AVX2; that of std (n = 64) 1.2 to 1.5 and 1.04 to 1.09 times.
inline InPlace in_place_of_patches(std::size_t k, std::size_t n) {
    const bool cached = chunk_rows * k * sizeof(float) <= 128 * 1024;
    if (tile::W == 16) return {.x = cached && n <= 64, .dy = n <= 64};
    return {.x = cached, .dy = true};
}
// sums[c] += the pixels of maps in order, some at a time.
template <class T>
struct PixelSums {
    const T* x;
    std::size_t pixels, channels;
    T* sums;
    void add(std::size_t most) {
        const std::size_t count = (std::min)(most, pixels);
        if (channels == 1) {
            T sum = *sums;
            for (std::size_t i = 0; i < count; ++i) sum += x[i];
            *sums = sum;
        } else {
            column_sums(count, channels, x, channels, sums);
        }
        x += count * channels;
        pixels -= count;
    }
};
}  // namespace detail

/// dw (taps * channels x n) += patches^T dy; the plan is a gather plan, dy holds plan.pixels pixels an image. `copies`
/// as for gemm_weight_gradient. x_sums, where given: x_sums[c] += the pixels of x in order, the gradient of the bias
/// where x is that of the outputs of a transposed convolution.
template <std::floating_point T>
void convolve_weight_gradient(const PatchPlan& plan, std::size_t batch, const T* x, std::size_t in_pixels,
                              std::size_t channels, const T* dy, std::size_t n, T* dw, Buffer<T>& copies,
                              T* x_sums = nullptr) {
    if (batch == 0) return;  // x and dy may be null, to which nothing may be added
    const std::size_t rows = batch * plan.pixels, k = plan.taps * channels;
    detail::PixelSums<T> bias{x, x_sums ? batch * in_pixels : 0, channels, x_sums};
    if constexpr (std::same_as<T, float>) {
        if (channels < detail::short_tap && k <= detail::gathered) {
            alignas(64) float patches[detail::gathered];
            const std::size_t block = (std::max)(std::size_t{1}, detail::gathered / k);
            // One channel is one chain of additions, 3 cycles each: 0.2 of the time of 32 columns, unless it runs while
            // lines are copied.
            const std::size_t line = ceil_div(in_pixels, (std::max)(std::size_t{1}, plan.sizes.out_height));
            const auto after_line = [&] {
                if (bias.pixels > 0) bias.add(line);
            };
            for (std::size_t m = 0; m < rows; m += block) {
                const std::size_t count = (std::min)(block, rows - m);
                im2col(plan, x, in_pixels, channels, m, count, patches, after_line);
                detail::weight_gradient_matrix(count, k, n, patches, k, dy + m * n, n, dw, n,
                                               detail::in_place_of_patches(k, n), copies);
            }
        } else {
            const auto point = [&](std::size_t tap, std::size_t m, std::size_t count, const float** a,
                                   std::uint32_t* row) {
                return detail::patches_of_tap(plan, x, in_pixels, channels, m, count, tap, a, row);
            };
            const std::size_t read = detail::chunk_rows * in_pixels / plan.pixels * channels;
            detail::weight_gradient_rows(rows, plan.taps, channels, n, point, dy, n, dw, n,
                                         detail::in_place_of_taps(plan.taps, read, n), copies);
        }
    } else {
        Buffer<T> patches;
        patches.resize(rows * k);
        im2col(plan, x, in_pixels, channels, 0, rows, patches.data());
        for (std::size_t i = 0; i < k; ++i)
            row_product<T>(rows, patches.data() + i, k, dy, n, n, [&](std::size_t j, T sum) { dw[i * n + j] += sum; });
    }
    if (bias.pixels > 0) bias.add(bias.pixels);
}

}  // namespace tessera::kernel
