#pragma once
// likeliest_labels: for each sequence, the class under which the prior gives it the highest probability.
//
//     label_n = argmax over c of p(t_n | c)          the first of equals
//
// With equally frequent classes this is Bayes' rule: a prior with classes is a classifier of sequences. A prior that
// was trained without label dropout knows no null class: sequences without labels are coded with these, which cost
// log2(classes) bits each.
//
// Shapes   sequences [batch, context], labels [batch]
// Errors   static_assert where the prior has no classes; ArgumentError where `classes` is not 1 to their number, or the
//          prior was trained without labels; DataError for a token out of range; NumericError where the prior's
//          probabilities are NaN
// Cost     a forward pass of the sequences for each class

#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/sequence_nats.hpp>
#include <tessera/nn/layer.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// The configuration of a prior that was trained with labels.
template <GptConfig C>
concept HasClasses = C.classes > 0;

/// Among the first `classes` classes of the prior.
template <GptConfig C, nn::Layer Net>
[[nodiscard]] std::vector<Label> likeliest_labels(const FrozenGpt<C, Net>& frozen,
                                                  View<const Token, Shape<C.context>> sequences,
                                                  std::size_t classes = C.classes) {
    static_assert(HasClasses<C>, "likeliest_labels: the prior has no classes: set GptConfig::classes");
    if (classes == 0 || classes > C.classes)
        throw ArgumentError("likeliest_labels: classes: " +
                            expected_got("1 to " + std::to_string(C.classes), std::to_string(classes)));
    if (!frozen.knows().labels)
        throw ArgumentError("likeliest_labels: prior: " +
                            expected_got("one that was trained with labels", "one with label_dropout 1"));
    std::vector<Label> best(sequences.batch());
    std::vector<double> least;
    for (std::uint32_t c = 0; c < classes; ++c) {
        const std::vector<Label> labels(sequences.batch(), Label{c});
        const std::vector<double> nats = sequence_nats(frozen, sequences, labels);
        if (c == 0) least = nats;
        for (std::size_t n = 0; n < best.size(); ++n)
            if (std::isnan(nats[n])) {
                throw NumericError("likeliest_labels: sequence " + std::to_string(n) + ", class " + std::to_string(c) +
                                   ": " + expected_got("a negative log-likelihood", "NaN"));
            } else if (nats[n] < least[n]) {
                least[n] = nats[n];
                best[n] = Label{c};
            }
    }
    return best;
}

}  // namespace tessera
