#pragma once
// Linear: affine map of the last dimension, torch.nn.Linear.
//
//     y = x W + b,   dx = dy W^T,   dW += x^T dy,   db += sum of dy over rows
//
// Shapes   x [batch, ... x C], y [batch, ... x Out]; each row of C elements separately
// Params   weight Shape<C, Out> "weight" (PyTorch's [Out, C]), bias Shape<Out> "bias"; both U(-1/sqrt(C), 1/sqrt(C))
// Cost     rows C Out multiply-adds per sample, backward twice that. Packed: panels of W and of W^T, and the bias.
//          Cached: operand copies for the gradient of W

#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/fused_pair.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/linear_gelu.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

/// Weights of Linear in the kernels' order: one type for any number of rows of a sample.
template <std::floating_point T>
struct PackedLinear {
    kernel::Panels<T> forward, backward;
    Buffer<T> bias;

    void pack(std::size_t in, std::size_t out, const T* weight, std::span<const T> b) {
        pack_forward(in, out, weight, b);
        backward.pack(out, in, weight, 1, out);
    }
    /// For forward passes only: packing the transpose costs more than three times as much (128 x 512: 28 and 8 us).
    void pack_forward(std::size_t in, std::size_t out, const T* weight, std::span<const T> b) {
        forward.pack(in, out, weight, out, 1);
        bias.assign(b.begin(), b.end());
    }
    const T* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

template <std::size_t In, std::size_t Out, Bias B, std::floating_point T>
struct LinearParams {
    Param<T, Shape<In, Out>, Axes<1, 0>> weight;
    Param<T, Shape<B == Bias::with ? Out : 0>> bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        if constexpr (B == Bias::with) f("bias", p.bias...);
    }
};

template <StaticShape In, std::size_t Out, Bias B, std::floating_point T>
struct LinearLayer {
    static constexpr std::string_view name = "Linear";
    static constexpr std::size_t in = last_dim<In>;
    static constexpr std::size_t rows = row_count<In>;
    static constexpr bool has_bias = B == Bias::with;
    static constexpr Fuses fuses{.add_y = true, .mask_dx = true, .add_dx = true};
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::columns};
    using Scalar = T;
    using Input = In;
    using Output = WithLastDim<In, Out>;
    using Params = LinearParams<in, Out, B, T>;
    using Packed = PackedLinear<T>;
    struct Cache {
        Buffer<T> operand_copies;
    };

    static void init(Params& p, Rng& rng) {
        uniform_fan_in(p.weight, in, rng);
        p.weight.set_role(Role::output);
        p.bias.set_role(Role::bias);
        if constexpr (has_bias) uniform_fan_in(p.bias, in, rng);
    }
    static void pack(const Params& p, Packed& w) { w.pack(in, Out, p.weight.data(), p.bias.span()); }
    static void pack_forward(const Params& p, Packed& w) { w.pack_forward(in, Out, p.weight.data(), p.bias.span()); }
    static void forward_round(const Packed& w, View<const T, In> x, View<T, Output> y, Cache&, Round at,
                              const T* add = nullptr) {
        kernel::gemm<T>(at.worker, x.batch() * rows, x.data(), in, w.forward, y.data(), Out,
                        {.bias = w.bias_or_null(), .add = add});
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, Output> y, Cache&, const T* add = nullptr) {
        kernel::gemm<T>(x.batch() * rows, x.data(), in, w.forward, y.data(), Out,
                        {.bias = w.bias_or_null(), .add = add});
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, In> dx, Cache& cache, Params& grad, const BackwardEpilogue<T>& end = {}) {
        backward_params(w, x, y, dy, cache, grad);
        kernel::gemm<T>(x.batch() * rows, dy.data(), Out, w.backward, dx.data(), in,
                        {.mask = end.mask_dx ? x.data() : nullptr, .add = end.add_dx});
    }
    static void backward_params(const Packed&, View<const T, In> x, View<const T, Output>, View<const T, Output> dy,
                                Cache& cache, Params& grad) {
        const std::size_t m = x.batch() * rows;
        kernel::gemm_weight_gradient<T>(m, in, Out, x.data(), in, dy.data(), Out, grad.weight.data(), Out,
                                        cache.operand_copies);
        if constexpr (has_bias) kernel::column_sums<T>(m, Out, dy.data(), Out, grad.bias.data());
    }
};

/// `Linear<256>`, `Linear<256, no_bias>`
template <std::size_t Out, Bias B = Bias::with>
struct Linear {
    template <StaticShape In, std::floating_point T>
    using Bind = LinearLayer<In, Out, B, T>;
};

template <std::size_t Out, Bias B>
struct FusedPair<Linear<Out, B>, Gelu> {
    template <StaticShape In, std::floating_point T>
    using Bind = LinearGeluLayer<LinearLayer<In, Out, B, T>>;
};

}  // namespace tessera::nn
