#pragma once
// Loss: the contract of a reconstruction loss: static functions on parameter types, bound to the shape of a sample.
//
//   Scalar, Input                the scalar and the shape of y and of the target
//   name                         optional: a std::string_view; files contain it, and another loss's is refused
//   Params                       learned by the optimiser (a variance); named "loss.*" in files
//   Buffers                      fixed: saved, not learned (the net of a feature loss)
//   Options                      values that the host chooses
//   Packed                       all that a pass reads; `pack` computes it from params, buffers and options
//   Cache                        scratch of one block of samples
//
//   init(params, buffers, rng)
//   pack(params, buffers, options, w)
//   loss(w, y, target, cache) -> double                             for evaluation: the bits of loss_and_grad
//   loss_and_grad(w, y, target, dy, cache, grad, scale) -> double   overwrites dy, ADDS to grad
//
// Both return the sum over all elements of this block; dy and grad are scale times the gradient of that sum. The caller
// passes scale = 1 / (elements of the whole batch), adds the sums of its blocks in order and divides the total by the
// same count, so that the mean does not depend on how the batch was cut. dy may be the memory of y. Samples are
// independent. A NaN in y or in the target makes the returned sum NaN: that is how the trainer detects it. VqVae calls
// all but `loss`, in the library's floating-point environment (core/fp_environment.hpp).
//
// A loss without weights, options and scratch derives from PlainLoss and has two functions; one with options only may
// derive from it, too, and declare Options, Packed and pack itself. A bound loss refuses a shape with a static_assert
// that says why. Optional members: those of core/option_hooks.hpp; in files their keys and leaves have the prefix
// "loss.", as the names of Params. And:
//
//   zero_at_target               static constexpr bool, true where a finite number with y = target adds exactly 0 to
//                                the sum, to dy and to grad. Only with such a loss a VqVae trains on batches with a
//                                mask of pixels (loss/masked_loss.hpp)
//
// Rules, tested by testing::check_loss: gradients agree with finite differences, what is overwritten and what is added,
// nothing is allocated after the first call with the largest batch, w is const.
//
// Shapes   y, target, dy [batch, Input]
// Errors   static_assert where the fourth argument of a VqVae is not a LossSpec for the image shape

#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/view.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace tessera::inline TESSERA_ABI {

/// Not weaker: VqVae calls all but `loss`, which hosts call to evaluate. Not stronger: types cannot say that a gradient
/// is correct; testing::check_loss tests it.
template <class L>
concept Loss = std::floating_point<typename L::Scalar> && StaticShape<typename L::Input> &&
    Parameters<typename L::Params> && Parameters<typename L::Buffers> && std::copyable<typename L::Options> &&
    std::default_initializable<typename L::Options> && std::default_initializable<typename L::Packed> &&
    std::default_initializable<typename L::Cache> &&
    requires(typename L::Params& params, typename L::Buffers& buffers, const typename L::Options& options,
             typename L::Packed& packed, const typename L::Packed& w, typename L::Cache& cache, Rng& rng,
             View<const typename L::Scalar, typename L::Input> y, View<typename L::Scalar, typename L::Input> dy,
             typename L::Scalar scale) {
    L::init(params, buffers, rng);
    L::pack(std::as_const(params), std::as_const(buffers), options, packed);
    { L::loss(w, y, y, cache) } -> std::same_as<double>;
    { L::loss_and_grad(w, y, y, dy, cache, params, scale) } -> std::same_as<double>;
};

/// The fourth argument of a VqVae, `Mse`: a type that binds to the shape of a sample.
template <class Spec, class In, class T = float>
concept LossSpec = requires {
    typename Spec::template Bind<In, T>;
}
&&Loss<typename Spec::template Bind<In, T>>;

/// Whether a number with y = target adds exactly nothing.
template <class L>
[[nodiscard]] constexpr bool zero_at_target() {
    if constexpr (requires { std::bool_constant<L::zero_at_target>{}; }) return L::zero_at_target;
    return false;
}

/// The members of the contract for a loss without weights, options and scratch.
struct PlainLoss {
    using Params = Empty;
    using Buffers = Empty;
    using Packed = Empty;
    using Cache = Empty;
    struct Options {};

    static void init(Empty&, Empty&, Rng&) {}
    static void pack(const Empty&, const Empty&, const Options&, Empty&) {}
};

namespace detail {

template <class In, class T>
struct BrokenLoss : PlainLoss {
    using Scalar = T;
    using Input = In;
    static double loss(const Empty&, View<const T, In>, View<const T, In>, Empty&) { return 0; }
    static double loss_and_grad(const Empty&, View<const T, In>, View<const T, In>, View<T, In>, Empty&, Empty&, T) {
        return 0;
    }
};
template <class Spec, class In, class T>
struct SpecIsLoss {
    static_assert(LossSpec<Spec, In, T>,
                  "VqVae: the fourth argument is not a valid LossSpec for this image shape: see loss/loss.hpp");
};
// After the failed assertion the loss is always zero, so that one mistake prints one message.
template <class Spec, class In, class T>
struct bind_loss {
    static_assert(sizeof(SpecIsLoss<Spec, In, T>) > 0);
    using type = BrokenLoss<In, T>;
};
template <class Spec, class In, class T>
    requires LossSpec<Spec, In, T>
struct bind_loss<Spec, In, T> {
    using type = typename Spec::template Bind<In, T>;
    static_assert(sizeof(OptionHooksAreCallable<type>) > 0);
};

}  // namespace detail

template <class Spec, class In, class T>
using BindLoss = typename detail::bind_loss<Spec, In, T>::type;

}  // namespace tessera
