#pragma once
// ConvReluLayer: Conv2d or ConvTranspose2d followed by Relu, in one pass over the output.
//
//     y = max(conv(x), 0),   dz = y > 0 ? dy : 0,   then the convolution's backward with dz
//
// The bits are those of the two separate layers. A Chain binds it to `Conv2d, Relu` and `ConvTranspose2d, Relu`; the
// FusedPair specialisations are in the headers of the two convolutions.
//
// Shapes   x, y those of the convolution
// Cost     the convolution's; the activation costs no pass over memory. Cached: the convolution's cache, and dz where
//          the layer above has not masked dy already

#include <tessera/kernel/conv/convolution.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/layer.hpp>

#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <class Convolution>
struct ConvReluLayer {
    static constexpr std::string_view name = "Convolution + Relu";
    using Scalar = typename Convolution::Scalar;
    using T = Scalar;
    using Input = typename Convolution::Input;
    using Output = typename Convolution::Output;
    using Params = typename Convolution::Params;
    using Packed = typename Convolution::Packed;

    static constexpr Fuses fuses{.mask_dx = true, .add_dx = true, .masked_dy = true};

    struct Cache {
        typename Convolution::Cache convolution;
        Tensor<T, typename Convolution::Output> dz;
    };

    static void init(Params& p, Rng& rng) {
        Convolution::init(p, rng);
        change_role(p, Role::output, Role::weight);
    }
    static void pack(const Params& p, Packed& w) { Convolution::pack(p, w); }
    static void pack_forward(const Params& p, Packed& w) { Convolution::pack_forward(p, w); }
    static void forward(const Packed& w, View<const T, Input> x, View<T, Output> y, Cache& cache) {
        if constexpr (requires { Convolution::forward(w, x, y, kernel::Epilogue<T>{}); })
            Convolution::forward(w, x, y, kernel::Epilogue<T>{.relu = true});
        else
            Convolution::forward(w, x, y, cache.convolution, true);
    }
    static void forward_round(const Packed& w, View<const T, Input> x, View<T, Output> y, Cache& cache, Round at) {
        if constexpr (requires { Convolution::forward(w, x, y, kernel::Epilogue<T>{}, at.worker); })
            Convolution::forward(w, x, y, kernel::Epilogue<T>{.relu = true}, at.worker);
        else
            Convolution::forward(w, x, y, cache.convolution, true, at.worker);
    }
    static void backward(const Packed& w, View<const T, Input> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, Input> dx, Cache& cache, Params& grad, const BackwardEpilogue<T>& end = {}) {
        Convolution::backward(w, x, y, end.masked_dy ? dy : masked(y, dy, cache), dx, cache.convolution, grad, end);
    }
    static void backward_params(const Packed& w, View<const T, Input> x, View<const T, Output> y,
                                View<const T, Output> dy, Cache& cache, Params& grad,
                                const BackwardEpilogue<T>& end = {}) {
        Convolution::backward_params(w, x, y, end.masked_dy ? dy : masked(y, dy, cache), cache.convolution, grad);
    }

private:
    static View<const T, Output> masked(View<const T, Output> y, View<const T, Output> dy, Cache& cache) {
        cache.dz.resize(dy.batch());
        kernel::relu_backward<T>(y.span(), dy.span(), cache.dz.span());
        return cache.dz;
    }
};

}  // namespace tessera::nn
