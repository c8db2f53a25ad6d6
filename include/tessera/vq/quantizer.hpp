#pragma once
// Quantizer: the contract of a quantizer, which maps the encoder's output to tokens and to the decoder's input.
//
// Static functions on parameter types, bound to the output shape of the encoder. No object, no member state.
//
//   Input, Output                the encoder's sample and the decoder's; their last dimension is a row
//   name                         optional: a std::string_view; files contain it, and another quantizer's is refused
//   tokens, codes                tokens of a sample, and the size of the largest vocabulary. Tokens are in the order of
//                                the rows (positions) of Input; where a position has several, they are next to each
//                                other, the first level first: token i is of level i % tokens_per_position<Q>
//   Params                       learned by the optimiser from gradients
//   Buffers                      learned by `update`, or fixed. Names of Params and Buffers differ, because one file
//                                holds both. The name of a leaf may contain dots: f("step.log", ...)
//   Options                      numbers that the host chooses
//   Packed                       all that a pass reads; `pack` computes it from params, buffers and options
//   Cache                        scratch of one block of samples
//
//   init(params, buffers, rng)
//   pack(params, buffers, options, w)
//   forward(w, pass, z, tokens, q, cache)             writes all tokens and all of q
//   lookup(w, tokens, q, cache)                       writes q for any tokens of the vocabulary, also for unused ones
//   backward(w, z, tokens, q, dq, dz, cache, grad)    the gradient estimator: overwrites dz, ADDS to grad
//
// In evaluation (pass.training is false) forward's q has the bits of lookup(tokens). forward throws NumericError where
// z has no token, for example for a row of NaN. check_finite and zero_absent of vq/quantize.hpp help; pass.first is the
// index of the first sample of the block, for such messages. A View<Token> converts to a View<const Token>, so forward
// may end in a call of lookup. The arguments of a call never share memory. VqVae calls all functions in the library's
// floating-point environment; a function that is called directly wraps its work (with_fp_environment), as ours do.
//
// A bound quantizer refuses a shape with a static_assert that says why; a `requires` at Bind prints no reason.
//
// Optional members are in vq/quantizer_hooks.hpp. A member with one of these names that cannot be called so is a
// compile error:
//   Terms, regularize(w, z, tokens, q, dz, cache, grad, divisor) -> Terms
//        The quantizer's part of the loss. Terms has a `double` for each term, its sum over the samples of this block,
//        weighted as in the loss, and the visitor of a parameter set: each(f, terms...) calls f("name", term...).
//        ADDS the gradient of sum / divisor to dz and grad. divisor counts samples: it is BatchPart::divisor. The
//        reconstruction is a mean over elements; a term that is one too is divided by Input::size here. A term owns the
//        leaf of its name and the leaves whose names begin with it and a dot: `codebook` owns `codebook.weight`. It
//        moves these leaves only, and nothing else moves them. Every other term moves z and the leaves that no term
//        owns, with the argument q as a constant. A quantizer built of others has their q, and what a level leaves to
//        the next, as constants, too; where these depend on its leaves, see QuantizerCheckOptions::terms_move_params.
//   pack_batch(z, w, cache)
//        Completes w with what terms need of the whole batch (the mean over its rows), in training, after pack and
//        before the batch is divided. z: the encoder's output, in evaluation, of all processes, so that each of them
//        computes the same. tokens and q do not change. Without this call, terms are defined, too (the tests of single
//        samples). The batch is that of one call: of an accumulation, its own. Costs one more pass of the encoder.
//        A quantizer built of others always has it; `static constexpr bool packs_batch` says whether a part needs it.
//   Statistics, observe(w, z, tokens, part, rng, cache, statistics), update(params, buffers, statistics, options)
//        What a batch contributes to Buffers. observe ADDS to statistics, in the order of the samples, so that
//        processes that continue each other's statistics have the bits of one process. update applies the sum, once for
//        each update of the weights, after the optimiser has changed them: it must not throw, and it draws no random
//        numbers. observe gets a separate cache, which forward has not seen, and all samples of this process. A value
//        that cannot be summed (a candidate for revival) has places; each place belongs to one of part.micro_batches
//        batches.
//   codes_of(i)                                       constexpr: the vocabulary of token i of a sample, 1 to codes, the
//                                                     same for one level of all positions. Without it: codes
//   initialize_from_data(params, buffers, z, options, rng)
//                                                     once, before the first step (k-means);
//                                                     z: the encoder's output, in evaluation, of the first batch, that
//                                                     of all processes; its elements are finite. With a mask, as
//                                                     for pack_batch, only the rows that count; the last sample is
//                                                     completed with the first of them
//   encode_rows(w, z, tokens, first, last)            the tokens of rows first .. last - 1 only, for threads that share
//                                                     one image; no_token where forward would throw. It must not throw
//   optional_in_file(name), fill_missing(params, buffers, missing)  leaves that lookup does not need, and their values
//                                                     where a file has none; noexcept
//   check_options(options)                            throws ArgumentError
//   settings(options)                                 the options, which files keep and compare (core/setting.hpp); if
//                                                     one is called "codes", K may be chosen after training
//   metadata()                                        what must agree with a file and is not in the shapes of leaves
//        Keys of settings and metadata are in one space with VqVae's codes, tokens, quantizer, loss and loss.*: a key
//        that is there twice is an ArgumentError of VqVae's constructor.
//
// Rules, tested by testing::check_quantizer:
//   1. Samples are independent, also in training: what is drawn depends on pass.rng and pass.first + n only.
//   2. A token may be absent (no_token: a mask, see vq/mask_positions.hpp; a dropped level). It adds nothing to q in
//      lookup. A position without any token has q = 0, dz = 0, no terms and no statistics. forward gives no_token only
//      for levels it drops in training.
//   3. Nothing is allocated after the first call with the largest batch, except in initialize_from_data.
//   4. Rule of zero; no Params, Buffers, Packed or Cache holds a view of another's memory; w is const.
//
// The straight-through estimator: van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937).
//
// Shapes   z, dz [batch, Input], q, dq [batch, Output], tokens [batch, tokens]

#include <tessera/core/batch_part.hpp>
#include <tessera/core/token.hpp>
#include <tessera/nn/layer.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq {

template <class Q>
using TokenShape = Shape<Q::tokens>;

/// Tokens of one position, a row of Input: its levels. 1 where the tokens of a quantizer do not belong to positions.
template <class Q>
inline constexpr std::size_t tokens_per_position =
    Q::tokens % row_count<typename Q::Input> == 0 ? Q::tokens / row_count<typename Q::Input> : 1;

/// Not weaker: VqVae calls each of these. Not stronger: types cannot say that lookup and forward agree, or what adds
/// and what overwrites; testing::check_quantizer tests it.
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

/// The second argument of a VqVae, `Codebook<512>`: a type that binds to the encoder's output.
template <class Spec, class In, class T = float>
concept QuantizerSpec = requires {
    typename Spec::template Bind<In, T>;
}
&&Quantizer<typename Spec::template Bind<In, T>>;

}  // namespace tessera::vq
