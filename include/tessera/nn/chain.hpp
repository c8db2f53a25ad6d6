#pragma once
// Chain: layers applied one after another. A Chain is itself a layer, so chains nest.
//
//     using namespace tessera::nn;
//     struct Encoder : Chain<tessera::Shape<28, 28, 1>, Conv2d<32, halve4>, Relu, Conv2d<64, halve4>, Relu> {};
//
// Each spec binds to the output shape of the spec before it. Two neighbours with a FusedPair become one bound layer,
// which keeps the position of the first.
//
// Shapes   x [batch, In], y [batch, output of the last layer]
// Params   those of the layers, named by position: "0.weight", "2.weight"; initialised by the layers
// Errors   static_assert where the list is empty, or a type is not a valid LayerSpec for the output shape before it
// Cost     the sum of its layers. Cached: the caches of the layers, each output between two layers, two gradient
//          buffers used alternately, and one buffer for operand copies that is lent to the layers
//
// Over 250 lines: forward, rounds and backward are three recursions over the layers that share their types.

#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/detail/bind.hpp>
#include <tessera/nn/detail/chain_steps.hpp>
#include <tessera/nn/detail/lent_copies.hpp>
#include <tessera/nn/exec/orders_gradient.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <utility>

namespace tessera::inline TESSERA_ABI::nn {

template <std::floating_point T, StaticShape In, class... Specs>
struct BasicChain {
    using Parts = detail::Bound<T, In, Specs...>;
    static constexpr std::size_t count = Parts::count;
    template <std::size_t M>
    using At = typename Parts::template At<M>;

    using Scalar = T;
    using Input = In;
    using Output = typename Parts::Output;
    using InputScalar = typename Parts::InputScalar;
    using OrdersGradient = BasicChain;
    // If the first layer is a Relu, the layer after it does the addition of add_dx.
    static constexpr Fuses fuses{.add_y = nn::fuses<At<count - 1>>.add_y,
                                 .add_dx = nn::fuses<At<0>>.add_dx ||
                                           (nn::fuses<At<0>>.only_masks && nn::fuses<At<count == 1 ? 0 : 1>>.mask_dx &&
                                            nn::fuses<At<count == 1 ? 0 : 1>>.add_dx)};

    struct Params {
        typename Parts::Params items;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            for_index([&]<std::size_t M>() { each_at<M>(f, p...); });
        }

    private:  // g++ 12 cannot expand p... and M... in one lambda: each index gets a separate function
        template <std::size_t M, class F, class... P>
        static void each_at(F& f, P&... p) {
            At<M>::Params::each(with_prefix(Parts::template position<M>, f), std::get<M>(p.items)...);
        }
    };
    struct Packed {
        typename Parts::Weights items;
    };
    struct Cache {
        typename Parts::Caches layers;
        typename Parts::Outputs y;
        Buffer<T> dy[2];
        Buffer<T> operand_copies;  // lent to each layer in turn
        Tensor<T, In> unused_dx;
        BlockOrder* order = nullptr;  // of this pass
    };

    static void init(Params& p, Rng& rng) {
        for_index([&]<std::size_t M>() {
            At<M>::init(std::get<M>(p.items), rng);
            if constexpr (M < StepsOfLayers::last) change_role(std::get<M>(p.items), Role::output, Role::weight);
        });
    }
    static void pack(const Params& p, Packed& w) {
        for_index([&]<std::size_t M>() { nn::pack<At<M>>(std::get<M>(p.items), std::get<M>(w.items)); });
    }
    static void add_pack_jobs(const Params& p, Packed& w, PackJobs& jobs) {
        for_index([&]<std::size_t M>() { jobs.add<At<M>>(std::get<M>(p.items), std::get<M>(w.items)); });
    }
    static void begin(Cache& cache, const Pass& pass) {
        cache.order = pass.order;
        for_index([&]<std::size_t M>() {
            nn::begin<At<M>>(std::get<M>(cache.layers), {pass.training, pass.rng.split(M), pass.first,
                                                         order_inside<At<M>>(pass.order), pass.places});
        });
    }
    static void forward(const Packed& w, View<const InputScalar, In> x, View<T, Output> y, Cache& cache,
                        const T* add = nullptr) {
        run<0>(w, x, y, cache, add);
    }

    // Some tokens at a time, see nn/step.hpp.
    using StepsOfLayers = detail::ChainSteps<T, Parts>;
    static constexpr Steps steps = StepsOfLayers::steps;
    static constexpr bool can_step = StepsOfLayers::can_step;
    struct State : StepsOfLayers::State {
        using StepsOfLayers::State::State;
    };
    struct Scratch : StepsOfLayers::Scratch {
        using StepsOfLayers::Scratch::Scratch;
    };
    static void step(const Packed& w, View<const InputScalar, TokenRow<In>> x, View<T, TokenRow<Output>> y,
                     State& state, Scratch& scratch, Step& at, const T* add = nullptr) {
        StepsOfLayers::run(w, x, y, state, scratch, at, add);
    }

    static constexpr std::size_t rounds = []<std::size_t... M>(std::index_sequence<M...>) {
        return (nn::rounds<At<M>> + ...);
    }
    (std::make_index_sequence<count>{});
    static void resize_cache(Cache& cache, std::size_t batch) {
        for_index([&]<std::size_t M>() {
            if constexpr (M + 1 < count) std::get<M>(cache.y).resize(batch);
            nn::resize_cache<At<M>>(std::get<M>(cache.layers), batch);
        });
    }
    static void forward_round(const Packed& w, View<const InputScalar, In> x, View<T, Output> y, Cache& cache, Round at,
                              const T* add = nullptr) {
        round_of<0>(w, x, y, cache, at, add);
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, In> dx, Cache& cache, Params& grad,
                         const BackwardEpilogue<T>& end = {}) requires std::same_as<InputScalar, T> {
        back<count - 1, false>(w, x, y, dy, dx, cache, grad, end.add_dx);
    }
    static void backward_params(const Packed& w, View<const InputScalar, In> x, View<const T, Output> y,
                                View<const T, Output> dy, Cache& cache, Params& grad) {
        back<count - 1, false>(w, x, y, dy, View<T, In>{}, cache, grad, nullptr);
    }

private:
    template <class F>
    static void for_index(F&& f) {
        [&]<std::size_t... M>(std::index_sequence<M...>) { (f.template operator()<M>(), ...); }
        (std::make_index_sequence<count>{});
    }

    // Layers M .. count - 1 of the forward pass; each but the last writes into the cache.
    template <std::size_t M>
    static void run(const Packed& w, auto x, View<T, Output> y, Cache& cache, const T* add) {
        auto& layer_cache = std::get<M>(cache.layers);
        if constexpr (M + 1 == count && fuses.add_y) {
            At<M>::forward(std::get<M>(w.items), x, y, layer_cache, add);
        } else if constexpr (M + 1 == count) {
            At<M>::forward(std::get<M>(w.items), x, y, layer_cache);
        } else {
            auto& mid = std::get<M>(cache.y);
            mid.resize(x.batch());
            At<M>::forward(std::get<M>(w.items), x, mid.view(), layer_cache);
            run<M + 1>(w, std::as_const(mid).view(), y, cache, add);
        }
    }
    template <std::size_t M>
    static void round_of(const Packed& w, auto x, View<T, Output> y, Cache& cache, Round at, const T* add) {
        constexpr bool last = M + 1 == count;
        const auto to = [&] {
            if constexpr (last)
                return y;
            else
                return std::get<M>(cache.y).view();
        }();
        if (at.index < nn::rounds<At<M>>) {
            auto& layer_cache = std::get<M>(cache.layers);
            if constexpr (last && fuses.add_y)
                nn::forward_round<At<M>>(std::get<M>(w.items), x, to, layer_cache, at, add);
            else
                nn::forward_round<At<M>>(std::get<M>(w.items), x, to, layer_cache, at);
        } else if constexpr (!last) {
            at.index -= nn::rounds<At<M>>;
            round_of<M + 1>(w, std::as_const(std::get<M>(cache.y)).view(), y, cache, at, add);
        }
    }
    // Layer M of the backward pass, then those below it. A dx without data is not wanted: the first layer then computes
    // its parameter gradients only. `masked`: dy is already zero where y <= 0.
    template <std::size_t M, bool masked>
    static void back(const Packed& w, auto x, auto y, auto dy, View<T, In> dx, Cache& cache, Params& grad,
                     const T* add) {
        auto& layer_cache = std::get<M>(cache.layers);
        auto& g = std::get<M>(grad.items);
        const auto& weights = std::get<M>(w.items);
        const auto in_turn = [&](auto&& f) { backward_in_order<At<M>>(cache.order, f); };
        if constexpr (M == 0) {
            const detail::Lent<T> lent{cache.operand_copies, layer_cache};
            if constexpr (!TakesTokens<At<0>>)
                if (dx.data())
                    return in_turn([&] {
                        nn::backward<At<0>>(weights, x, y, dy, dx, layer_cache, g,
                                            {.masked_dy = masked, .add_dx = add});
                    });
            in_turn([&] {
                if constexpr (requires {
                                  At<0>::backward_params(weights, x, y, dy, layer_cache, g, BackwardEpilogue<T>{});
                              })
                    At<0>::backward_params(weights, x, y, dy, layer_cache, g, BackwardEpilogue<T>{.masked_dy = masked});
                else
                    nn::backward_params<At<0>>(weights, x, y, dy, cache.unused_dx, layer_cache, g);
            });
        } else {
            constexpr bool skips = nn::fuses<At<M>>.mask_dx && nn::fuses<At<M - 1>>.only_masks;
            constexpr bool masks = skips || (nn::fuses<At<M>>.mask_dx && nn::fuses<At<M - 1>>.masked_dy);
            using InputBelow = typename At<M>::Input;
            const auto below = std::as_const(std::get<M - 1>(cache.y)).view();
            if constexpr (skips && M == 1) {  // layer 0 is a Relu, and this layer applies its mask
                const detail::Lent<T> lent{cache.operand_copies, layer_cache};
                in_turn([&] {
                    if (dx.data())
                        nn::backward<At<M>>(weights, below, y, dy, dx, layer_cache, g,
                                            {.masked_dy = masked, .mask_dx = true, .add_dx = add});
                    else
                        nn::backward_params<At<M>>(weights, below, y, dy, cache.unused_dx, layer_cache, g);
                });
            } else {
                auto& buffer = cache.dy[cache.dy[0].data() == dy.data() ? 1 : 0];
                if (buffer.size() < Parts::largest * x.batch()) buffer.resize(Parts::largest * x.batch());
                const View<T, InputBelow> dbelow{buffer.data(), x.batch()};
                {
                    const detail::Lent<T> lent{cache.operand_copies, layer_cache};
                    in_turn([&] {
                        nn::backward<At<M>>(weights, below, y, dy, dbelow, layer_cache, g,
                                            {.masked_dy = masked, .mask_dx = masks});
                    });
                }
                if constexpr (skips)
                    back<M - 2, false>(w, x, std::as_const(std::get<M - 2>(cache.y)).view(),
                                       View<const T, InputBelow>{dbelow}, dx, cache, grad, add);
                else
                    back<M - 1, masks>(w, x, below, View<const T, InputBelow>{dbelow}, dx, cache, grad, add);
            }
        }
    }
};

template <StaticShape In, class... Specs>
using Chain = BasicChain<float, In, Specs...>;

/// A group of specs that is used as one: `using Block = Seq<Residual<...>, Residual<...>>`.
template <class... Specs>
struct Seq {
    template <StaticShape In, std::floating_point T>
    using Bind = BasicChain<T, In, Specs...>;
};

namespace detail {
template <class T, class In, class... Specs>
struct inner_chain {
    using type = BasicChain<T, In, Specs...>;
};
template <class T, class In, class... Specs>
struct inner_chain<T, In, Seq<Specs...>> {
    using type = BasicChain<T, In, Specs...>;
};
}  // namespace detail

/// The chain inside Residual and Repeat. A single Seq is replaced by its specs, without a level of names for the Seq.
template <std::floating_point T, StaticShape In, class... Specs>
using InnerChain = typename detail::inner_chain<T, In, Specs...>::type;

}  // namespace tessera::nn
