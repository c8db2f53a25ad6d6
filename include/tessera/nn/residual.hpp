#pragma once
// Residual: residual connection around a chain f of specs.
//
//     y = x + f(x),   dx = dy + f'(x)^T dy                        (He, Zhang, Ren, Sun 2015, arXiv:1512.03385, eq. 1)
//
// Shapes   x, y any shape that the inner chain maps to itself
// Params   those of the inner chain, under its positions, initialised by its layers; a weight that makes the output of
//          the branch gets Role::residual
// Errors   static_assert where the inner chain changes the shape
// Cost     that of the inner chain. Where its last layer adds x itself (Fuses::add_y) the sum costs no pass over
//          memory; otherwise one pass, and the output of the branch is cached, because its last layer may read it in
//          backward

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
    using OrdersGradient = ResidualLayer;
    using Params = typename Inner::Params;
    using Packed = typename Inner::Packed;

    struct Cache {
        typename Inner::Cache inner;
        Tensor<T, typename Inner::Output> branch;  // empty where the last layer adds x itself
    };

    static void init(Params& p, Rng& rng) {
        Inner::init(p, rng);
        change_role(p, Role::output, Role::residual);
    }
    static void pack(const Params& p, Packed& w) { Inner::pack(p, w); }
    static void add_pack_jobs(const Params& p, Packed& w, PackJobs& jobs) { Inner::add_pack_jobs(p, w, jobs); }
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
    static void resize_cache(Cache& cache, std::size_t batch) { nn::resize_cache<Inner>(cache.inner, batch); }
    static void forward_round(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache, Round at) {
        if constexpr (fuses<Inner>.add_y)
            Inner::forward_round(w, x, y, cache.inner, at, x.data());
        else if (at.worker.id() == 0)
            forward(w, x, y, cache);
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, In> y, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        if constexpr (!fuses<Inner>.add_y) y = cache.branch;
        Inner::backward(w, x, y, dy, dx, cache.inner, grad, {.add_dx = fuses<Inner>.add_dx ? dy.data() : nullptr});
        if constexpr (!fuses<Inner>.add_dx) kernel::add<T>(dx.span(), dy.span(), dx.span());
    }

    // Some tokens at a time, see nn/step.hpp.
    static constexpr bool can_step = CanStep<Inner>;
    static constexpr Steps steps{.sharing = Inner::steps.add_y ? Inner::steps.sharing : Sharing::custom,
                                 .composite = true};
    using State = typename Inner::State;
    struct Scratch {
        explicit Scratch(const Capacity& capacity) : inner{capacity} {
            if constexpr (!Inner::steps.add_y) branch = Branch{capacity};
        }
        using Branch = detail::Between<T, TokenRow<In>, Inner::steps.sharing == Sharing::replicated>;
        typename Inner::Scratch inner;
        Branch branch;  // empty where the last layer adds x itself
    };
    static void step(const Packed& w, View<const T, TokenRow<In>> x, View<T, TokenRow<In>> y, State& state,
                     Scratch& scratch, Step& at) {
        if constexpr (Inner::steps.add_y) {
            Inner::step(w, x, y, state, scratch.inner, at, x.data());
        } else {
            const auto branch = scratch.branch.view(at);
            Inner::step(w, x, branch, state, scratch.inner, at);
            at.sync_columns();
            // of a row: a sample of rank 1 has as many rows of one element as tokens
            constexpr std::size_t width = last_dim<TokenRow<In>>;
            const auto [first, count] = kernel::columns_of(at.worker, width);
            for (std::size_t i = first; i < x.batch() * TokenRow<In>::size; i += width)
                kernel::add<T>({x.data() + i, count}, {branch.data() + i, count}, {y.data() + i, count});
            at.pending = Step::Pending::other_columns;
        }
    }
};

/// `Residual<Relu, Conv2d<32, keep3>, Relu, Conv2d<64, keep1>>`
template <class... Specs>
struct Residual {
    template <StaticShape In, std::floating_point T>
    using Bind = ResidualLayer<In, T, Specs...>;
};

}  // namespace tessera::nn
