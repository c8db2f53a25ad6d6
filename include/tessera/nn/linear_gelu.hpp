#pragma once
// LinearGeluLayer: Linear followed by Gelu. The activation runs over 28 rows at a time, while they are in L1.
//
//     u = x W + b,   y = gelu(u),   du = dy gelu'(u),   then Linear's backward with du
//
// The derivative is stored in place of the pre-activation u, which no later pass reads. The bits are those of the two
// separate layers. A Chain binds it to `Linear, Gelu`; the FusedPair specialisation is in nn/linear.hpp.
//
// Shapes   x [batch, ... x C], y [batch, ... x Out]
// Cost     Linear's, and one tanh per output element. Cached: gelu'(u), as large as y, which backward overwrites with
//          du; and Linear's cache

#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <class Affine>
struct LinearGeluLayer {
    static constexpr std::string_view name = "Linear + Gelu";
    static constexpr Steps steps{.per_token = true, .sharing = Sharing::columns};
    using Scalar = typename Affine::Scalar;
    using T = Scalar;
    using Input = typename Affine::Input;
    using Output = typename Affine::Output;
    using Params = typename Affine::Params;
    using Packed = typename Affine::Packed;

    struct Cache {
        Tensor<T, typename Affine::Output> slope;
        typename Affine::Cache affine;
    };

    static void init(Params& p, Rng& rng) {
        Affine::init(p, rng);
        change_role(p, Role::output, Role::weight);
    }
    static void pack(const Params& p, Packed& w) { Affine::pack(p, w); }
    static void pack_forward(const Params& p, Packed& w) { Affine::pack_forward(p, w); }
    static void forward_round(const Packed& w, View<const T, Input> x, View<T, Output> y, Cache&, Round at) {
        constexpr std::size_t in = Affine::in, out = last_dim<Output>;
        const std::size_t rows = x.batch() * Affine::rows;
        const auto mine =
            kernel::gemm<T>(at.worker, rows, x.data(), in, w.forward, y.data(), out, {.bias = w.bias_or_null()});
        for (std::size_t m = 0; m < rows; ++m) {  // no derivative: backward never follows rounds or steps
            const std::span<T> u{y.data() + m * out + mine.first, mine.count};
            kernel::gelu_forward<T>(u, u);
        }
    }
    static void forward(const Packed& w, View<const T, Input> x, View<T, Output> y, Cache& cache) {
        constexpr std::size_t in = Affine::in, out = last_dim<Output>, some = 28;  // two row tiles of the micro-kernel
        cache.slope.resize(x.batch());
        const std::size_t rows = x.batch() * Affine::rows;
        for (std::size_t m = 0; m < rows; m += some) {
            const std::size_t count = (std::min)(some, rows - m);
            const std::span<T> u{y.data() + m * out, count * out}, slope{cache.slope.data() + m * out, count * out};
            kernel::gemm<T>(count, x.data() + m * in, in, w.forward, u.data(), out, {.bias = w.bias_or_null()});
            kernel::gelu_with_derivative<T>(u, u, slope);
        }
    }
    static void backward(const Packed& w, View<const T, Input> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, Input> dx, Cache& cache, Params& grad) {
        kernel::multiply<T>(dy.span(), cache.slope.span(), cache.slope.span());
        Affine::backward(w, x, y, View<const T, Output>{cache.slope}, dx, cache.affine, grad);
    }
};

}  // namespace tessera::nn
