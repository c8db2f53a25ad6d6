#pragma once
// Residual connection (He, Zhang, Ren, Sun 2015, arXiv:1512.03385).
//
//     y = x + f(x),   dx = dy + f'(x)^T dy,   f = the chain of the specs
//
// Input    any shape that the inner chain gives back
// Output   the same shape
// Params   those of the inner chain, under its positions
// Cache    the inner chain's; and its output, where the sum is a pass of its own: its last layer may want it in backward

#include <tessera/kernel/elementwise.hpp>
#include <tessera/nn/chain.hpp>

#include <concepts>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::floating_point T, class... Specs>
struct ResidualLayer {
    using Inner = InnerChain<T, In, Specs...>;
    static_assert(std::same_as<typename Inner::Output, In>,
                  "Residual: the inner chain must give back the shape that it takes");
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = typename Inner::Params;
    using Packed = typename Inner::Packed;

    struct Cache {
        typename Inner::Cache inner;
        Tensor<T, typename Inner::Output> branch;  // empty where the last layer adds x by itself
    };

    static void init(Params& p, Rng& rng) { Inner::init(p, rng); }
    static void pack(const Params& p, Packed& w) { Inner::pack(p, w); }
    static void begin(Cache& cache, const Pass& pass) { Inner::begin(cache.inner, pass); }

    static void forward(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache) {
        if constexpr (fuses<Inner>.add_y) {
            Inner::forward(w, x, y, cache.inner, x.data());
        } else {
            cache.branch.resize(x.batch());
            Inner::forward(w, x, cache.branch.view(), cache.inner);
            kernel::add<T>(x.span(), cache.branch.span().first(x.elements()), y.span());
        }
    }
    static constexpr std::size_t rounds = fuses<Inner>.add_y ? nn::rounds<Inner> : 1;
    static void make_room(Cache& cache, std::size_t batch) { nn::make_room<Inner>(cache.inner, batch); }
    static void forward_round(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache, Round at) {
        if constexpr (fuses<Inner>.add_y)
            Inner::forward_round(w, x, y, cache.inner, at, x.data());
        else if (at.me.index() == 0)
            forward(w, x, y, cache);
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, In> y, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        if constexpr (!fuses<Inner>.add_y) y = cache.branch;
        Inner::backward(w, x, y, dy, dx, cache.inner, grad, {.add_dx = fuses<Inner>.add_dx ? dy.data() : nullptr});
        if constexpr (!fuses<Inner>.add_dx) kernel::add<T>(dx.span(), dy.span(), dx.span());
    }
};

/// `Residual<Relu, Conv2d<32, same3>, Relu, Conv2d<64, pointwise>>`
template <class... Specs>
struct Residual {
    template <StaticShape In, std::floating_point T>
    using Bind = ResidualLayer<In, T, Specs...>;
};

}  // namespace tessera::nn
