#pragma once
// BoundLayer: one bound layer with everything that a call needs, filled with reproducible values.
//
//     BoundLayer<Relu::Bind<Shape<3, 4>, float>> net{2};      // a batch of two samples
//     net.forward();
//     net.backward();                                         // net.y, net.dx and net.grad
//
// For tests that compare two layers or look at single values; check_layer is built on it. The members may be changed
// between calls; after a change of params, call pack(). Each backward needs a forward before it, because a layer may
// use up its cache. Parameters are moved by up to 0.3 from their initialisation: a bias of zero or a gain of one would
// hide what it is multiplied by. x is a permutation of an even grid on (-2, 2), so that differences do not cross a
// kink at zero or at a tie; where the layer takes tokens, they are drawn below BoundLayerOptions::vocab. The places of
// rows (Pass::places) are drawn, too.
//
// Shapes   x, dx [batch, Input], y, dy [batch, Output]; dx is empty where the layer takes tokens
// Cost     the tensors of one call and one extra dx, allocated in the constructor

#include <tessera/nn/layer.hpp>
#include <tessera/testing/detail/differences.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tessera::inline TESSERA_ABI::testing {

struct BoundLayerOptions {
    std::uint64_t seed = 1;  ///< of parameters, x and dy
    std::size_t vocab = 0;   ///< tokens of x are below it, where the layer takes tokens; 0: the layer's own, or 2
};

namespace detail {

template <class L>
std::size_t vocab_of(std::size_t requested) {
    if (requested != 0) return requested;
    if constexpr (requires { L::vocab; })
        return L::vocab;
    else
        return 2;
}

}  // namespace detail

template <nn::Layer L>
struct BoundLayer {
    using T = typename L::Scalar;

    typename L::Params params;
    typename L::Params grad;
    nn::Weights<L> w;
    typename L::Cache cache;
    Tensor<nn::InputScalar<L>, typename L::Input> x;
    Tensor<T, typename L::Output> y, dy;
    Tensor<T, typename L::Input> dx, scratch;
    nn::Pass pass;  ///< of the whole batch, but for the places
    static constexpr std::size_t rows = L::Input::rank == 0 ? 1 : L::Input::dims[0];
    Tensor<std::uint32_t, Shape<rows>> places;

    explicit BoundLayer(std::size_t batch, const BoundLayerOptions& options = {})
        : x{batch}, y{batch}, dy{batch}, places{batch} {
        Rng rng{options.seed};
        L::init(params, rng);
        L::Params::each(
            [&](const ParamPath&, auto& leaf) {
                for (auto& value : leaf.span()) value += static_cast<T>(rng.uniform(-0.3f, 0.3f));
            },
            params);
        if constexpr (nn::TakesTokens<L>) {
            const auto vocab = static_cast<std::uint32_t>(detail::vocab_of<L>(options.vocab));
            for (auto& token : x.span()) token = static_cast<nn::InputScalar<L>>(rng.below(vocab));
        } else {
            detail::fill_apart<T>(x.span(), rng);
            dx.resize(batch);
        }
        for (T& value : dy.span()) value = static_cast<T>(rng.uniform(-1.f, 1.f));
        pass = {.training = true, .rng = rng.split(7), .first = 3};
        Rng of_places = rng.split(8);
        for (std::uint32_t& place : places.span()) place = of_places.below(static_cast<std::uint32_t>(rows));
        pack();
        set_zero(grad);
    }

    void pack() { nn::pack<L>(params, w); }

    /// What begin gets for the samples from `first` on.
    [[nodiscard]] nn::Pass pass_from(std::size_t first) const {
        nn::Pass some = pass;
        some.first += first;
        some.places = places[first].data();
        return some;
    }

    void forward() { forward(0, x.batch()); }
    /// Samples first .. first + count of the batch.
    void forward(std::size_t first, std::size_t count) {
        nn::begin<L>(cache, pass_from(first));
        L::forward(std::as_const(w), std::as_const(x).view().slice(first, count), y.view().slice(first, count), cache);
    }

    /// Overwrites dx and adds to grad.
    void backward() { backward(0, x.batch()); }
    void backward(std::size_t first, std::size_t count) {
        const auto xs = std::as_const(x).view().slice(first, count);
        const auto ys = std::as_const(y).view().slice(first, count);
        const auto dys = std::as_const(dy).view().slice(first, count);
        if constexpr (nn::TakesTokens<L>)
            L::backward_params(std::as_const(w), xs, ys, dys, cache, grad);
        else
            L::backward(std::as_const(w), xs, ys, dys, dx.view().slice(first, count), cache, grad);
    }

    /// Adds to grad only; dx is not made.
    void backward_params() {
        nn::backward_params<L>(std::as_const(w), std::as_const(x), std::as_const(y), std::as_const(dy), scratch, cache,
                               grad);
    }
};

}  // namespace tessera::testing
