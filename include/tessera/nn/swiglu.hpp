#pragma once
// SwiGlu: the gated half of a gated MLP; a Linear after it is the other half.
//
//     y = silu(x W1 + b1) (x W3 + b3),   silu(a) = a sigmoid(a)            (Shazeer 2020, arXiv:2002.05202, eq. 6)
//     du = dy dy/du,   dW += x^T du,   db += sum of du over rows,   dx = du1 W1^T + du3 W3^T
//
// `SwiGlu<352>, Linear<128, no_bias>` is the MLP of LLaMA: its w1, w3 and w2. Three matrices of 8/3 of the width have
// as many weights as the two of four times the width with Gelu. The gate is computed over 28 rows at a time, while they
// are in L1.
//
// Shapes   x [batch, ... x C], y [batch, ... x Hidden]; each row of C elements separately
// Params   w1.weight, w3.weight Shape<C, Hidden> (PyTorch's [Hidden, C]); with Bias::with also w1.bias and w3.bias
//          Shape<Hidden>; all U(-1/sqrt(C), 1/sqrt(C))
// Cost     2 rows C Hidden multiply-adds per sample, backward twice that, and one exponential per output element.
//          Cached: both derivatives, each as large as y, which backward overwrites

#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/kernel/swiglu.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <std::size_t In, std::size_t Hidden, Bias B, std::floating_point T>
struct SwiGluParams {
    LinearParams<In, Hidden, B, T> gate, up;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        LinearParams<In, Hidden, B, T>::each(with_prefix("w1", f), p.gate...);
        LinearParams<In, Hidden, B, T>::each(with_prefix("w3", f), p.up...);
    }
};

template <std::floating_point T>
struct PackedSwiGlu {
    PackedLinear<T> gate, up;
};

template <StaticShape In, std::size_t Hidden, Bias B, std::floating_point T>
struct SwiGluLayer {
    static constexpr std::string_view name = "SwiGlu";
    static constexpr std::size_t in = last_dim<In>;
    static constexpr std::size_t rows = row_count<In>;
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::columns};
    using Scalar = T;
    using Input = In;
    using Output = WithLastDim<In, Hidden>;
    using Params = SwiGluParams<in, Hidden, B, T>;
    using Packed = PackedSwiGlu<T>;
    struct Cache {
        Tensor<T, Output> gate, up;  // the two products, then the derivatives with respect to them
        Buffer<T> operand_copies;
    };

    static void init(Params& p, Rng& rng) {
        for (auto* half : {&p.gate, &p.up}) {
            uniform_fan_in(half->weight, in, rng);
            if constexpr (B == Bias::with) uniform_fan_in(half->bias, in, rng);
            half->weight.set_role(Role::weight);
            half->bias.set_role(Role::bias);
        }
    }
    static void pack(const Params& p, Packed& w) {
        w.gate.pack(in, Hidden, p.gate.weight.data(), p.gate.bias.span());
        w.up.pack(in, Hidden, p.up.weight.data(), p.up.bias.span());
    }
    static void pack_forward(const Params& p, Packed& w) {
        w.gate.pack_forward(in, Hidden, p.gate.weight.data(), p.gate.bias.span());
        w.up.pack_forward(in, Hidden, p.up.weight.data(), p.up.bias.span());
    }
    static void resize_cache(Cache& cache, std::size_t batch) { cache.up.resize(batch); }
    static void forward_round(const Packed& w, View<const T, In> x, View<T, Output> y, Cache& cache, Round at) {
        // In a step each worker has a separate cache; the workers of a round share one, which resize_cache has resized.
        if (cache.up.batch() != x.batch()) cache.up.resize(x.batch());
        const std::size_t count = x.batch() * rows;
        const auto mine = kernel::gemm<T>(at.worker, count, x.data(), in, w.gate.forward, y.data(), Hidden,
                                          {.bias = w.gate.bias_or_null()});
        kernel::gemm<T>(at.worker, count, x.data(), in, w.up.forward, cache.up.data(), Hidden,
                        {.bias = w.up.bias_or_null()});
        for (std::size_t m = 0; m < count; ++m) {  // no derivatives: backward never follows rounds or steps
            const std::size_t first = m * Hidden + mine.first;
            const std::span<T> gate{y.data() + first, mine.count};
            kernel::swiglu_forward<T>(gate, std::span<const T>{cache.up.data() + first, mine.count}, gate);
        }
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, Output> y, Cache& cache) {
        constexpr std::size_t some = 28;  // two row tiles of the micro-kernel
        cache.gate.resize(x.batch());
        cache.up.resize(x.batch());
        const std::size_t all = x.batch() * rows;
        for (std::size_t m = 0; m < all; m += some) {
            const std::size_t count = (std::min)(some, all - m);
            const std::span<T> gate{cache.gate.data() + m * Hidden, count * Hidden},
                up{cache.up.data() + m * Hidden, count * Hidden};
            kernel::gemm<T>(count, x.data() + m * in, in, w.gate.forward, gate.data(), Hidden,
                            {.bias = w.gate.bias_or_null()});
            kernel::gemm<T>(count, x.data() + m * in, in, w.up.forward, up.data(), Hidden,
                            {.bias = w.up.bias_or_null()});
            kernel::swiglu_with_derivatives<T>(gate, up, std::span<T>{y.data() + m * Hidden, count * Hidden});
        }
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        backward_params(w, x, y, dy, cache, grad);
        const std::size_t all = x.batch() * rows;
        kernel::gemm<T>(all, cache.gate.data(), Hidden, w.gate.backward, dx.data(), in);
        kernel::gemm<T>(all, cache.up.data(), Hidden, w.up.backward, dx.data(), in, {.add = dx.data()});
    }
    static void backward_params(const Packed&, View<const T, In> x, View<const T, Output> /*y*/,
                                View<const T, Output> dy, Cache& cache, Params& grad) {
        kernel::multiply<T>(dy.span(), cache.gate.span(), cache.gate.span());
        kernel::multiply<T>(dy.span(), cache.up.span(), cache.up.span());
        add_gradient(x, cache.gate.data(), cache.operand_copies, grad.gate);
        add_gradient(x, cache.up.data(), cache.operand_copies, grad.up);
    }

private:
    static void add_gradient(View<const T, In> x, const T* du, Buffer<T>& operand_copies,
                             LinearParams<in, Hidden, B, T>& grad) {
        const std::size_t all = x.batch() * rows;
        kernel::gemm_weight_gradient<T>(all, in, Hidden, x.data(), in, du, Hidden, grad.weight.data(), Hidden,
                                        operand_copies);
        if constexpr (B == Bias::with) kernel::column_sums<T>(all, Hidden, du, Hidden, grad.bias.data());
    }
};

/// `Residual<RmsNorm, SwiGlu<352>, Linear<128, no_bias>>`
template <std::size_t Hidden, Bias B = Bias::none>
struct SwiGlu {
    template <StaticShape In, std::floating_point T>
    using Bind = SwiGluLayer<In, Hidden, B, T>;
};

}  // namespace tessera::nn
