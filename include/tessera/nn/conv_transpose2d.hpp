#pragma once
// ConvTranspose2d: transposed convolution of an image with a square window, torch.nn.ConvTranspose2d.
//
//     y(i) = b + sum over (o, t) with o stride + t - pad = i of x(o) W(t)^T
//
// It is the adjoint of the Conv2d that maps the output back to the input: its forward pass is that one's backward pass.
//
// Shapes   x [batch, height x width x channels], y [batch, W.up(height) x W.up(width) x Out]
// Params   weight Shape<size, size, Out, channels> "weight" (PyTorch's [channels, Out, size, size]);
//          bias Shape<Out> "bias"; both U(-1/sqrt(n), 1/sqrt(n)), n = size^2 Out (PyTorch's fan-in of a transposed
//          weight)
// Errors   static_assert where the input is not a Shape<height, width, channels>, the padding leaves an empty output,
//          the window is larger than 16 x 16, or there are more than 1024 channels on either side
// Cost     height width size^2 channels Out multiply-adds per sample, backward twice that (taps on the padding are left
//          out). Cached: operand copies for the weight gradient; with at most 4 output channels also size^2 Out
//          elements per input pixel of some images, 256 pixels or one image: the products with all taps before they
//          are summed

#include <tessera/kernel/conv/col2im.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_relu.hpp>
#include <tessera/nn/fused_pair.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::size_t Out, Window W, Bias B, std::floating_point T>
struct ConvTranspose2dLayer {
    static_assert(ImageShape<In>, "ConvTranspose2d takes Shape<height, width, channels>");
    static_assert(WindowGrows<In, W>, "ConvTranspose2d: padding leaves an empty output");
    static_assert(W.size * W.size <= kernel::max_taps, "ConvTranspose2d: the window has at most 16 x 16 taps");
    static_assert(last_dim<In> <= kernel::max_channels && Out <= kernel::max_channels,
                  "ConvTranspose2d: at most 1024 channels");

    static constexpr std::string_view name = "ConvTranspose2d";
    static constexpr std::size_t channels = last_dim<In>, in_pixels = row_count<In>, taps = W.size * W.size;
    static constexpr bool has_bias = B == Bias::with;
    static constexpr Fuses fuses{.mask_dx = true, .add_dx = true};
    // With few output channels a tile of 16 or 32 columns would be nearly empty, so the products of a pixel with all
    // taps are computed at once and then summed (col2im). The two methods round differently, so the limit is the same
    // for any vector width.
    static constexpr bool by_columns = Out <= 4;
    static constexpr kernel::PatchSize size{
        W.up(image_height<In>), W.up(image_width<In>), image_height<In>, image_width<In>, W.size, W.stride, W.pad};
    using Scalar = T;
    using Input = In;
    using Output = Shape<size.height, size.width, Out>;
    static constexpr std::size_t out_pixels = row_count<Output>;

    using Params = ConvolutionParams<W.size, Out, channels, has_bias ? Out : 0, T>;
    struct Packed : PackedConvolution<T> {
        kernel::Panels<T> all_taps;  // channels x (taps Out)
    };
    struct Cache {
        Buffer<T> columns, operand_copies;
    };
    static void init(Params& p, Rng& rng) {
        uniform_fan_in(p.weight, taps * Out, rng);
        p.weight.set_role(Role::output);
        p.bias.set_role(Role::bias);
        if constexpr (has_bias) uniform_fan_in(p.bias, taps * Out, rng);
    }
    /// Leaves out the gather panels, which only backward reads.
    static void pack_forward(const Params& p, Packed& w) {
        w.make_tables(size);
        if constexpr (by_columns)
            w.all_taps.pack(channels, taps * Out, p.weight.data(), 1, channels);
        else
            w.pack_scatter(Out, channels, p.weight.data());
        if constexpr (has_bias) w.bias.assign(p.bias.span().begin(), p.bias.span().end());
    }
    static void pack(const Params& p, Packed& w) {
        w.pack(size, Out, channels, p.weight.data());
        if constexpr (by_columns) w.all_taps.pack(channels, taps * Out, p.weight.data(), 1, channels);
        if constexpr (has_bias) w.bias.assign(p.bias.span().begin(), p.bias.span().end());
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, Output> y, Cache& cache) {
        forward(w, x, y, cache, false);
    }
    static void forward_round(const Packed& w, View<const T, In> x, View<T, Output> y, Cache& cache, Round at) {
        forward(w, x, y, cache, false, at.worker);
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, Output> y, Cache& cache, bool relu,
                        const kernel::Worker& me = {}) {
        if constexpr (by_columns) {
            if (me.id() > 0) return;
            // a few images at a time, so that their products stay in cache
            constexpr std::size_t together = (std::max)(std::size_t{1}, 256 / in_pixels), width = taps * Out;
            const std::size_t elements = (std::min)(together, x.batch()) * in_pixels * width;
            if (cache.columns.size() < elements) cache.columns.resize(elements);
            for (std::size_t n = 0; n < x.batch(); n += together) {
                const std::size_t images = (std::min)(together, x.batch() - n);
                kernel::gemm<T>(images * in_pixels, x.data() + n * In::size, channels, w.all_taps, cache.columns.data(),
                                width);
                kernel::col2im<T>(size, images, cache.columns.data(), Out, w.bias_or_null(), relu,
                                  y.data() + n * Output::size);
            }
        } else {
            for (std::size_t c = 0; c < w.scatter.size(); ++c)
                kernel::convolve<T>(w.scatter[c], x.batch(), x.data(), in_pixels, channels, w.scatter_weights[c],
                                    y.data(), out_pixels, {.bias = w.bias_or_null(), .relu = relu}, me);
        }
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, In> dx, Cache& cache, Params& grad, const BackwardEpilogue<T>& end = {}) {
        backward_params(w, x, y, dy, cache, grad);
        kernel::convolve<T>(w.gather, x.batch(), dy.data(), out_pixels, Out, w.gather_weights, dx.data(), in_pixels,
                            {.mask = end.mask_dx ? x.data() : nullptr, .add = end.add_dx});
    }
    static void backward_params(const Packed& w, View<const T, In> x, View<const T, Output>, View<const T, Output> dy,
                                Cache& cache, Params& grad) {
        kernel::convolve_weight_gradient<T>(w.gather, x.batch(), dy.data(), out_pixels, Out, x.data(), channels,
                                            grad.weight.data(), cache.operand_copies,
                                            has_bias ? grad.bias.data() : nullptr);
    }
};

/// `ConvTranspose2d<32, double4>`
template <std::size_t Out, Window W, Bias B = Bias::with>
struct ConvTranspose2d {
    template <StaticShape In, std::floating_point T>
    using Bind = ConvTranspose2dLayer<In, Out, W, B, T>;
};

template <std::size_t Out, Window W, Bias B>
struct FusedPair<ConvTranspose2d<Out, W, B>, Relu> {
    template <StaticShape In, std::floating_point T>
    using Bind = ConvReluLayer<ConvTranspose2dLayer<In, Out, W, B, T>>;
};

}  // namespace tessera::nn
