#pragma once
// Layer: the contract of a layer, a pure function with a parameter type. No object, no member state, nothing to reset.
//
//     init(params, rng)                            initialises all parameters
//     forward(w, x, y, cache)                      writes all of y, and in cache what backward needs besides x and y
//     backward(w, x, y, dy, dx, cache, grad)       overwrites dx, ADDS to grad
//
// The order of the arguments is always the same: what is read, the incoming gradient dy, what is written (y or dx), the
// cache, the parameter gradient to add to. w is the layer's `Params`, or its `Packed` if it has one. y and dx are never
// in the memory of another argument. The library calls all functions in its floating-point environment
// (core/fp_environment.hpp). Rules, tested by testing::check_layer for every layer, the library's and the user's:
//   1. w is const: two threads run one net with two caches.
//   2. Nothing is allocated after the first call with the largest batch.
//   3. Results do not depend on the number of threads, bit for bit.
//   4. Rule of zero; no Params, Packed or Cache holds a view of another's memory, except what `begin` has given
//      (Pass::order, Pass::places), which ends with the pass.
//   5. Samples are independent: y[n] depends on x[n] only (the trainer cuts a batch into blocks).
// Optional members:
//   name                            a std::string_view, for messages and describe(net)
//   Packed, pack(params, packed)    what a step derives from the weights once (kernel panels); then w is Packed
//   InputScalar                     type of the elements of x where it is not Scalar (tokens); then there is no dx
//   backward_params(w, x, y, dy, cache, grad)    backward without dx, for the first layer of a net
//   rounds, resize_cache, forward_round    how threads share it where there are few samples, see nn/exec/rounds.hpp
//   begin(cache, pass)              called before each forward: training or not, and the random numbers of the pass; a
//                                   layer that consists of layers hands the rest of the pass on to theirs
//   steps, State, Scratch, step, pack_forward    some tokens of a sequence at a time, see nn/step.hpp
//   OrdersGradient                  the layer itself, if its chains keep the order of blocks, see
//                                   nn/exec/orders_gradient.hpp
//   fuses                           what it can do in one pass with its neighbours, see nn/backward_epilogue.hpp
//
// A bound layer refuses a shape with a static_assert that says why; a `requires` at Bind prints no reason. Several
// layers are one spec as nn::Seq<Specs...> (nn/chain.hpp), or where Bind is nn::BasicChain<T, In, Specs...>.
//
// init also gives each leaf its role (Param::set_role): a bias, or a weight whose product is the output, and so on. A
// Gpt initialises weights by their role; a leaf without one keeps what init wrote.
//
// Shapes   x [batch, Input], y [batch, Output]
// Errors   static_assert where a layer has a member with one of the optional names that cannot be called as the
//          contract says; checked where the layer is put into a Chain

#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/view.hpp>
#include <tessera/nn/detail/hook_names.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::nn {

class BlockOrder;  // nn/exec/block_order.hpp

/// What `begin` passes to a net before a forward pass. `first` is the index in the batch of the first sample of this
/// block, so that the random numbers of a sample do not depend on how the batch was cut.
struct Pass {
    bool training = false;
    Rng rng{};
    std::size_t first = 0;
    BlockOrder* order = nullptr;  ///< null where one thread computes all blocks of the group: nn/exec/block_order.hpp
    /// The place of each row of this block, [sample][row], below the number of rows of a sample; read by layers for
    /// nets whose rows are in any order (nn/two_stream_attention.hpp), and by no other.
    const std::uint32_t* places = nullptr;
};

namespace detail {
template <class L>
struct weights_as_packed {
    using type = typename L::Params;
};
template <class L>
    requires requires { typename L::Packed; }
struct weights_as_packed<L> {
    using type = typename L::Packed;
};
template <class L>
struct input_scalar {
    using type = typename L::Scalar;
};
template <class L>
    requires requires { typename L::InputScalar; }
struct input_scalar<L> {
    using type = typename L::InputScalar;
};
}  // namespace detail

/// What forward and backward read: Packed where the layer has one, else Params.
template <class L>
using Weights = typename detail::weights_as_packed<L>::type;

template <class L>
using InputScalar = typename detail::input_scalar<L>::type;

template <class L>
using InputView = View<const InputScalar<L>, typename L::Input>;

template <class L>
concept TakesTokens = !std::same_as<InputScalar<L>, typename L::Scalar>;

template <class L>
concept Layer = std::floating_point<typename L::Scalar> && StaticShape<typename L::Input> &&
    StaticShape<typename L::Output> && Parameters<typename L::Params> &&
    std::default_initializable<typename L::Cache> &&
    requires(typename L::Params& params, const Weights<L>& w, Rng& rng, typename L::Cache& cache, InputView<L> x,
             View<typename L::Scalar, typename L::Input> dx, View<typename L::Scalar, typename L::Output> y,
             View<const typename L::Scalar, typename L::Output> dy) {
    L::init(params, rng);
    L::forward(w, x, y, cache);
    requires TakesTokens<L> || requires { L::backward(w, x, y, dy, dx, cache, params); };
    requires !TakesTokens<L> || requires { L::backward_params(w, x, y, dy, cache, params); };
};

/// An element of a Chain: a type whose Bind<In, T> is a Layer for the input shape In.
template <class S, class In, class T = float>
concept LayerSpec = requires {
    typename S::template Bind<In, T>;
}
&&Layer<typename S::template Bind<In, T>>;

/// Computes w from params: packs, or copies where the layer has no Packed.
template <Layer L>
void pack(const typename L::Params& params, Weights<L>& w) {
    if constexpr (requires { typename L::Packed; })
        L::pack(params, w);
    else
        w = params;
}

template <Layer L>
void begin(typename L::Cache& cache, const Pass& pass) {
    if constexpr (requires { L::begin(cache, pass); })
        L::begin(cache, pass);
    else  // checked here too, for a struct that derives from a Chain and is not bound in one
        static_assert(!detail::NamesBegin<L>, "layer: begin: expected `static void begin(Cache&, const nn::Pass&)`");
}

/// backward without dx: the layer's backward_params, or its backward with a scratch dx.
template <Layer L>
void backward_params(const Weights<L>& w, InputView<L> x, View<const typename L::Scalar, typename L::Output> y,
                     View<const typename L::Scalar, typename L::Output> dy,
                     Tensor<typename L::Scalar, typename L::Input>& scratch, typename L::Cache& cache,
                     typename L::Params& grad) {
    if constexpr (requires { L::backward_params(w, x, y, dy, cache, grad); }) {
        L::backward_params(w, x, y, dy, cache, grad);
    } else {
        scratch.resize(x.batch());
        L::backward(w, x, y, dy, scratch.view(), cache, grad);
    }
}

}  // namespace tessera::nn
