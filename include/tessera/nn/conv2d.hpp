#pragma once
// Conv2d: convolution of an image with a square window, torch.nn.Conv2d.
//
//     y(o) = b + sum over taps t of x(o stride + t - pad) W(t)
//
// Shapes   x [batch, height x width x channels], y [batch, W.out(height) x W.out(width) x Out]
// Params   weight Shape<size, size, channels, Out> "weight" (PyTorch's [Out, channels, size, size]);
//          bias Shape<Out> "bias"; both U(-1/sqrt(n), 1/sqrt(n)), n = size^2 channels
// Errors   static_assert where the input is not a Shape<height, width, channels>, the window does not fit on the padded
//          input or is larger than 16 x 16, or there are more than 1024 channels on either side
// Cost     out_height out_width size^2 channels Out multiply-adds per sample, backward twice that (taps on the padding
//          are left out). Packed: the weights as panels for both directions and the pixel tables. Cached: operand
//          copies for the weight gradient
//
// Over 150 lines: the packed weights are also those of ConvTranspose2d.

#include <tessera/kernel/conv/convolution.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/conv_relu.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/fused_pair.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/window.hpp>
#include <tessera/nn/window_fits.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

/// Weights [height][width][A][B] (PyTorch's [B][A][height][width]) and bias of a convolution; neither depends on the
/// size of the image.
template <std::size_t Size, std::size_t A, std::size_t B, std::size_t BiasLength, std::floating_point T>
struct ConvolutionParams {
    Param<T, Shape<Size, Size, A, B>, Axes<3, 2, 0, 1>> weight;
    Param<T, Shape<BiasLength>> bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        if constexpr (BiasLength > 0) f("bias", p.bias...);
    }
};

/// Weights [tap][a][b] of a convolution in the kernels' order: gather reads `a` channels and writes `b`, scatter (the
/// adjoint) reads `b` and writes `a`. Gather is the forward pass of Conv2d and the backward pass of ConvTranspose2d.
template <std::floating_point T>
struct PackedConvolution {
    kernel::PatchPlan gather;
    std::vector<kernel::PatchPlan> scatter;
    kernel::Panels<T> gather_weights;
    std::vector<kernel::Panels<T>> scatter_weights;
    Buffer<T> bias;

    const T* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }

    void pack(const kernel::PatchSize& size, std::size_t a, std::size_t b, const T* weight) {
        make_tables(size);
        pack_gather(a, b, weight);
        pack_scatter(a, b, weight);
    }
    void make_tables(const kernel::PatchSize& size) {
        if (gather.pixels == 0) {  // the tables depend on sizes only; if memory runs out, none is set
            auto first = gather_plan(size);
            auto others = scatter_plans(size);
            scatter_weights.resize(others.size());
            scatter = std::move(others);
            gather = std::move(first);
        }
    }
    void pack_gather(std::size_t a, std::size_t b, const T* weight) {
        gather_weights.pack(gather.taps * a, b, weight, b, 1);
    }
    void pack_scatter(std::size_t a, std::size_t b, const T* weight) {
        std::size_t taps = 0;
        for (std::size_t c = 0; c < scatter.size(); ++c) {
            scatter_weights[c].resize(scatter[c].taps * b, a);
            taps += scatter[c].taps;
        }
        // Threads share the taps of all classes where they are some 20 us of work, see Panels::pack.
        const std::size_t tasks = taps * a * b < 32768 ? 1 : kernel::concurrency();
        kernel::for_each_slot(taps, tasks, [&](std::size_t t, std::size_t) {
            std::size_t c = 0;
            for (; t >= scatter[c].taps; ++c) t -= scatter[c].taps;
            scatter_weights[c].fill(t * b, b, weight + static_cast<std::size_t>(scatter[c].window[t]) * a * b, 1, b);
        });
    }
};

template <StaticShape In, std::size_t Out, Window W, Bias B, std::floating_point T>
struct Conv2dLayer {
    static_assert(ImageShape<In>, "Conv2d takes Shape<height, width, channels>");
    static_assert(WindowFits<In, W>, "Conv2d: the window is larger than the padded input");
    static_assert(W.size * W.size <= kernel::max_taps, "Conv2d: the window has at most 16 x 16 taps");
    static_assert(last_dim<In> <= kernel::max_channels && Out <= kernel::max_channels, "Conv2d: at most 1024 channels");

    static constexpr std::string_view name = "Conv2d";
    static constexpr std::size_t channels = last_dim<In>, in_pixels = row_count<In>;
    static constexpr bool has_bias = B == Bias::with;
    static constexpr Fuses fuses{.add_y = true, .mask_dx = true, .add_dx = true};
    static constexpr kernel::PatchSize size{
        image_height<In>, image_width<In>, W.out(image_height<In>), W.out(image_width<In>), W.size, W.stride, W.pad};
    using Scalar = T;
    using Input = In;
    using Output = Shape<size.out_height, size.out_width, Out>;
    using Params = ConvolutionParams<W.size, channels, Out, has_bias ? Out : 0, T>;
    using Packed = PackedConvolution<T>;
    struct Cache {
        Buffer<T> operand_copies;
    };
    static constexpr std::size_t out_pixels = row_count<Output>;

    static void init(Params& p, Rng& rng) {
        uniform_fan_in(p.weight, W.size * W.size * channels, rng);
        p.weight.set_role(Role::output);
        p.bias.set_role(Role::bias);
        if constexpr (has_bias) uniform_fan_in(p.bias, W.size * W.size * channels, rng);
    }
    /// Leaves out the scatter panels, which only backward reads and which are two thirds of the work.
    static void pack_forward(const Params& p, Packed& w) {
        w.make_tables(size);
        w.pack_gather(channels, Out, p.weight.data());
        if constexpr (has_bias) w.bias.assign(p.bias.span().begin(), p.bias.span().end());
    }
    static void pack(const Params& p, Packed& w) {
        w.pack(size, channels, Out, p.weight.data());
        if constexpr (has_bias) w.bias.assign(p.bias.span().begin(), p.bias.span().end());
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, Output> y, Cache&, const T* add = nullptr) {
        forward(w, x, y, kernel::Epilogue<T>{.add = add});
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, Output> y, kernel::Epilogue<T> end,
                        const kernel::Worker& me = {}) {
        end.bias = w.bias_or_null();
        kernel::convolve<T>(w.gather, x.batch(), x.data(), in_pixels, channels, w.gather_weights, y.data(), out_pixels,
                            end, me);
    }
    static void forward_round(const Packed& w, View<const T, In> x, View<T, Output> y, Cache&, Round at,
                              const T* add = nullptr) {
        forward(w, x, y, kernel::Epilogue<T>{.add = add}, at.worker);
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, In> dx, Cache& cache, Params& grad, const BackwardEpilogue<T>& end = {}) {
        backward_params(w, x, y, dy, cache, grad);
        for (std::size_t c = 0; c < w.scatter.size(); ++c)
            kernel::convolve<T>(w.scatter[c], x.batch(), dy.data(), out_pixels, Out, w.scatter_weights[c], dx.data(),
                                in_pixels, {.mask = end.mask_dx ? x.data() : nullptr, .add = end.add_dx});
    }
    static void backward_params(const Packed& w, View<const T, In> x, View<const T, Output>, View<const T, Output> dy,
                                Cache& cache, Params& grad) {
        kernel::convolve_weight_gradient<T>(w.gather, x.batch(), x.data(), in_pixels, channels, dy.data(), Out,
                                            grad.weight.data(), cache.operand_copies);
        if constexpr (has_bias) kernel::column_sums<T>(dy.batch() * out_pixels, Out, dy.data(), Out, grad.bias.data());
    }
};

/// `Conv2d<64, halve4>`, `Conv2d<32, keep3, no_bias>`
template <std::size_t Out, Window W, Bias B = Bias::with>
struct Conv2d {
    template <StaticShape In, std::floating_point T>
    using Bind = Conv2dLayer<In, Out, W, B, T>;
};

template <std::size_t Out, Window W, Bias B>
struct FusedPair<Conv2d<Out, W, B>, Relu> {
    template <StaticShape In, std::floating_point T>
    using Bind = ConvReluLayer<Conv2dLayer<In, Out, W, B, T>>;
};

}  // namespace tessera::nn
