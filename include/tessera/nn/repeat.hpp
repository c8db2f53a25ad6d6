#pragma once
// Repeat: N copies of a group of layers, each with separate weights: N blocks, one instantiation.
//
//     x_0 = x,   x_(i+1) = group(w_i, x_i),   y = x_N
//
// Shapes   x, y any shape that the group maps to itself
// Params   an array of the group's Params, under the prefixes "0", "1", ...; each copy is initialised separately
// Errors   static_assert where the group changes the shape, or N is 0
// Cost     N times the group. Cached: N caches of the group, the output of each copy, two gradient buffers used
//          alternately, and one buffer for operand copies that is lent to the copies

#include <tessera/nn/chain.hpp>
#include <tessera/nn/detail/lent_copies.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::size_t N, std::floating_point T, class... Specs>
struct RepeatLayer {
    using Inner = InnerChain<T, In, Specs...>;
    static_assert(std::same_as<typename Inner::Output, In>, "Repeat: the group must give back the shape that it takes");
    static_assert(N > 0, "Repeat: at least one copy");
    using Scalar = T;
    using Input = In;
    using Output = In;
    using OrdersGradient = RepeatLayer;

    struct Params {
        std::array<typename Inner::Params, N> items;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            for (std::size_t i = 0; i < N; ++i) Inner::Params::each(with_prefix(i, f), p.items[i]...);
        }
    };
    struct Packed {
        std::array<typename Inner::Packed, N> items;
    };
    struct Cache {
        std::array<typename Inner::Cache, N> inner;
        std::array<Tensor<T, typename Inner::Output>, N> y;
        std::array<Tensor<T, In>, 2> dy;
        Buffer<T> operand_copies;  // lent to each copy in turn
    };

    static void init(Params& p, Rng& rng) {
        for (std::size_t i = 0; i < N; ++i) {
            Inner::init(p.items[i], rng);
            if (i + 1 < N) change_role(p.items[i], Role::output, Role::weight);
        }
    }
    static void pack(const Params& p, Packed& w) {
        for (std::size_t i = 0; i < N; ++i) Inner::pack(p.items[i], w.items[i]);
    }
    static void add_pack_jobs(const Params& p, Packed& w, PackJobs& jobs) {
        for (std::size_t i = 0; i < N; ++i) Inner::add_pack_jobs(p.items[i], w.items[i], jobs);
    }
    static void begin(Cache& cache, const Pass& pass) {
        for (std::size_t i = 0; i < N; ++i)
            Inner::begin(cache.inner[i], {pass.training, pass.rng.split(i), pass.first, pass.order, pass.places});
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache) {
        for (std::size_t i = 0; i < N; ++i) {
            const bool last = i + 1 == N;
            if (!last) cache.y[i].resize(x.batch());
            Inner::forward(w.items[i], x, last ? y : cache.y[i].view(), cache.inner[i]);
            x = cache.y[i];
        }
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, In> y, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        for (auto& d : cache.dy) d.resize(x.batch());
        for (std::size_t i = N; i-- > 0;) {
            const View<const T, In> below = i == 0 ? x : View<const T, In>{cache.y[i - 1]};
            const View<T, In> dbelow = i == 0 ? dx : cache.dy[i % 2].view();
            const detail::Lent<T> lent{cache.operand_copies, cache.inner[i]};
            Inner::backward(w.items[i], below, y, dy, dbelow, cache.inner[i], grad.items[i]);
            y = below;
            dy = dbelow;
        }
    }

    // Some tokens at a time, see nn/step.hpp.
    static constexpr bool can_step = CanStep<Inner>;
    static constexpr Steps steps{.sharing = Inner::steps.sharing, .composite = true};
    struct State {
        explicit State(const Capacity& capacity) {
            inner.reserve(N);
            for (std::size_t i = 0; i < N; ++i) inner.emplace_back(capacity);
        }
        std::vector<typename Inner::State> inner;  // one of each copy
    };
    struct Scratch {
        explicit Scratch(const Capacity& capacity) : inner{capacity}, y{Between{capacity}, Between{capacity}} {}
        using Between = detail::Between<T, TokenRow<In>, Inner::steps.sharing == Sharing::replicated>;
        typename Inner::Scratch inner;
        std::array<Between, 2> y;  // outputs, used alternately
    };
    static void step(const Packed& w, View<const T, TokenRow<In>> x, View<T, TokenRow<In>> y, State& state,
                     Scratch& scratch, Step& at) {
        for (std::size_t i = 0; i < N; ++i) {
            if (i > 0) at.wait();  // another worker may still read the scratch that the next copy writes
            const auto to = i + 1 == N ? y : scratch.y[i % 2].view(at);
            Inner::step(w.items[i], x, to, state.inner[i], scratch.inner, at);
            x = to;
        }
    }
};

/// `Repeat<4, Block>`
template <std::size_t N, class... Specs>
struct Repeat {
    template <StaticShape In, std::floating_point T>
    using Bind = RepeatLayer<In, N, T, Specs...>;
};

}  // namespace tessera::nn
