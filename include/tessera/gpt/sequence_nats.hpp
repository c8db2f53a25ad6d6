#pragma once
// sequence_nats: the negative log-likelihood of each sequence under a prior, in nats.
//
//     nats_n = -ln p(t | label) = sum over i of -ln p(t_i | label, t_0 .. t_{i-1})
//
// With `known` the sum ends after so many tokens: those of a picture of which the upper part is known. Divided by ln 2
// it is the number of bits that an ideal entropy coder needs for the sequence. FrozenGpt::evaluate returns the mean of
// the same terms over all tokens.
//
// Shapes   sequences [batch, context], labels [batch] or empty: the null class
// Errors   ArgumentError for another number of labels than sequences, for labels of a prior without classes, and for
//          more known tokens than the context; DataError for a known token or a label out of range
// Cost     a forward pass of the sequences

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/token.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/loss/cross_entropy.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/layer.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <GptConfig C, nn::Layer Net>
[[nodiscard]] std::vector<double> sequence_nats(const FrozenGpt<C, Net>& frozen,
                                                View<const Token, Shape<C.context>> sequences,
                                                std::span<const Label> labels = {}, std::size_t known = C.context) {
    using Frozen = FrozenGpt<C, Net>;
    using T = typename Net::Scalar;
    if (C.classes == 0 && !labels.empty())
        throw ArgumentError("sequence_nats: labels: " +
                            expected_got("none, as the prior has no classes", std::to_string(labels.size())));
    if (known > C.context)
        throw ArgumentError("sequence_nats: known: " +
                            expected_got("at most " + std::to_string(C.context), std::to_string(known)));
    return with_fp_environment([&] {
        Tensor<Token, Shape<C.context>> input;
        // tokens after the known ones have no influence, and may be anything, no_token too
        std::vector<Token> tokens(sequences.span().begin(), sequences.span().end());
        for (std::size_t i = 0; i < tokens.size(); ++i)
            if (i % C.context >= known) tokens[i] = 0;
        Frozen::make_input({tokens.data(), sequences.batch()}, labels, input, [](std::size_t) { return false; });
        std::vector<double> nats(sequences.batch());
        std::vector<typename Frozen::Scratch> scratch;
        nn::for_groups(
            sequences.batch(), scratch,
            [&](std::size_t first, std::size_t count, std::size_t, typename Frozen::Scratch& s) {
                s.logits.resize(count);
                nn::begin<Net>(s.net, {});
                Net::forward(frozen.weights(), std::as_const(input).view().slice(first, count), s.logits.view(), s.net);
                for (std::size_t n = 0; n < count; ++n)
                    nats[first + n] = cross_entropy<T>(std::span<const T>{s.logits[n]}.first(known * C.vocab),
                                                       std::span<const Token>{sequences[first + n]}.first(known));
            });
        return nats;
    });
}

}  // namespace tessera
