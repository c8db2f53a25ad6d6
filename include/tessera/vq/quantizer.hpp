#pragma once
// The contract of a quantizer, which is between the encoder and the decoder of a VqVae: static functions on parameter
// types, bound to the shape that the encoder gives. No object, no member state.
//
//   Input, Output                the encoder's sample and the decoder's; their last dimension is a row
//   name                         optional: a std::string_view; files hold it, and one of another quantizer is refused
//   tokens, codes                tokens of a sample, and how many values each can take. Tokens are in the order of the
//                                rows (positions) of Input; where a position has several, they are next to each other
//   Params                       learned by the optimiser from gradients
//   Buffers                      learned by `update`, or fixed. Names of Params and Buffers differ: one file holds both
//   Options                      numbers that the host chooses
//   Packed                       all that a pass reads; `pack` makes it from params, buffers and options
//   Cache                        scratch of one block of samples
//
//   init(params, buffers, rng)
//   pack(params, buffers, options, w)
//   forward(w, pass, z, tokens, q, cache)             writes all tokens and all of q
//   lookup(w, tokens, q, cache)                       writes q; any tokens < codes, also those that forward never gives
//   backward(w, z, tokens, q, dq, dz, cache, grad)    the gradient estimator: overwrites dz, ADDS to grad
//
// In evaluation (pass.training is false) forward's q has the bits of lookup(tokens). NumericError where z has no token: a
// row of NaN, say. check_finite and zero_absent of vq/quantize.hpp help; pass.first is the index of the first sample here,
// for such messages. A View<Token> passes where a View<const Token> is wanted, so forward may end in a call of lookup.
//
// Optional members, in vq/quantizer_hooks.hpp. One that has the name but cannot be called so is a compile error:
//   Terms, regularize(w, z, tokens, q, dz, cache, grad, divisor) -> Terms
//        The quantizer's own part of the loss. Terms has a `double` for each term, its sum over the samples of this block,
//        weighted as it is in the loss, and the visitor of a parameter set: each(f, terms...) calls f("name", term...).
//        ADDS the gradient of sum / divisor to dz and grad. A term that has the first part of a leaf's name ("codebook"
//        and "codebook.weight") moves these leaves only; every other term moves z and all other leaves, with q as a
//        constant.
//   Statistics, observe(w, z, tokens, part, rng, cache, statistics), update(params, buffers, statistics, options)
//        What a batch leaves behind for Buffers. observe ADDS to statistics, in the order of the samples, so that
//        processes that continue each other's statistics have the bits of one. update applies the sum, once for each update of
//        the weights, after the optimiser has changed them: it must not throw, and it draws nothing. observe gets a
//        separate cache, which forward has not seen, and all samples of this process. A value that cannot be summed (a
//        candidate for revival) has places, and each place belongs to one of part.parts batches.
//   start(params, buffers, z, options, rng)           from data, once, before the first step (k-means)
//   encode_rows(w, z, tokens, first, last)            the tokens of rows first .. last - 1 alone, for threads that share one
//                                                     image; no_token where forward would throw. It must not throw
//   optional_in_file(name), complete(params, buffers, missing)      leaves without which q can be looked up, and what they
//                                                     become where a file had none; noexcept
//   check_options(options)                            throws ArgumentError
//   settings(options)                                 the options, which files keep and compare (core/setting.hpp)
//   metadata()                                        what must agree in a file and is not seen in the shapes of leaves
//
// Rules, tested by testing::check_quantizer:
//   1. Samples are independent, also in training: what is drawn depends on pass.rng and pass.first + n only.
//   2. A token may be absent (no_token: a mask, a dropped level). It adds nothing to q in lookup. A position without any
//      token has q = 0, dz = 0, no terms and no statistics. forward gives no_token only for levels it drops in training.
//   3. Nothing is allocated after the first call with the largest batch, start apart.
//   4. Rule of zero; no Params, Buffers, Packed or Cache holds a view of another's memory; w is const.
//
// References: van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937) for the straight-through estimator.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/token.hpp>
#include <tessera/nn/layer.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq {

template <class Q>
using TokenShape = Shape<Q::tokens>;

/// Not weaker: VqVae calls each of these. Not stronger: that lookup and forward agree, and what adds or overwrites, is no
/// matter of types; testing::check_quantizer tries it.
template <class Q>
concept Quantizer =
    std::floating_point<typename Q::Scalar> && StaticShape<typename Q::Input> && StaticShape<typename Q::Output> &&
    (Q::tokens > 0) &&
    (Q::codes > 0) && (Q::codes <= no_token) &&
    Parameters<typename Q::Params>&& Parameters<typename Q::Buffers>&& std::copyable<
        typename Q::Options>&& std::default_initializable<typename Q::Options>&& std::
        default_initializable<typename Q::Packed>&& std::default_initializable<typename Q::Cache>&& requires(
            typename Q::Params& params, typename Q::Buffers& buffers, const typename Q::Options& options,
            typename Q::Packed& packed, const typename Q::Packed& w, typename Q::Cache& cache, Rng& rng,
            const nn::Pass& pass, View<const typename Q::Scalar, typename Q::Input> z,
            View<typename Q::Scalar, typename Q::Input> dz, View<typename Q::Scalar, typename Q::Output> q,
            View<const typename Q::Scalar, typename Q::Output> dq, View<Token, TokenShape<Q>> out,
            View<const Token, TokenShape<Q>> tokens) {
    Q::init(params, buffers, rng);
    Q::pack(std::as_const(params), std::as_const(buffers), options, packed);
    Q::forward(w, pass, z, out, q, cache);
    Q::lookup(w, tokens, q, cache);
    Q::backward(w, z, tokens, dq, dq, dz, cache, params);
};

/// What one writes in a VqVae, `Codebook<512>`: a type that binds to what the encoder gives.
template <class Spec, class In, class T = float>
concept QuantizerSpec = requires {
    typename Spec::template Bind<In, T>;
}
&&Quantizer<typename Spec::template Bind<In, T>>;

}  // namespace tessera::vq
