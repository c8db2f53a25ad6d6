#pragma once
// What Gpt and AnyOrderGpt read before the net: sequences and labels are checked, and a label becomes its token.

#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/gpt/gpt_config.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI::detail {

/// ArgumentError for labels of a prior without classes; `where` is the function in the message.
template <GptConfig C>
void check_has_classes(std::span<const Label> labels, const char* where) {
    if (C.classes == 0 && !labels.empty())
        throw ArgumentError(
            where + (": labels: " + expected_got("none, as the prior has no classes", std::to_string(labels.size()))));
}

/// Of a training step: ArgumentError for a prior with classes that gets sequences without labels, as sampling by label
/// would later draw noise. With a label_dropout of 1 it learns the null class alone, and labels do not matter.
template <GptConfig C>
void check_training_labels(std::size_t sequences, std::span<const Label> labels, double label_dropout,
                           const char* model) {
    if (C.classes > 0 && sequences > 0 && labels.empty() && label_dropout < 1)
        throw ArgumentError(
            model + (": labels: " + expected_got("one per sequence, as the prior has " + std::to_string(C.classes) +
                                                     " classes (without labels: label_dropout 1)",
                                                 "none")));
}

/// f(n, token of the label, tokens) for each sequence n; the null class where there is no label, or where drop_label(n)
/// is true. `model` is the name in messages.
template <GptConfig C, class Drop, class F>
void for_labelled(View<const Token, Shape<C.context>> sequences, std::span<const Label> labels, const char* model,
                  Drop drop_label, F f) {
    if (!labels.empty() && labels.size() != sequences.batch())
        throw ArgumentError(model + (": labels: " + expected_got(sequences.batch(), labels.size())));
    for (std::size_t n = 0; n < sequences.batch(); ++n) {
        const auto tokens = sequences[n];
        for (std::size_t i = 0; i < C.context; ++i)
            if (tokens[i] >= C.vocab)
                throw DataError(std::string{model} + ": sequence " + std::to_string(n) + ", token " +
                                std::to_string(i) + ": " +
                                expected_got("less than " + std::to_string(C.vocab), std::to_string(tokens[i])));
        Token label = C.null_token();
        if (C.classes > 0 && !labels.empty()) {
            if (labels[n].index >= C.classes)
                throw DataError(
                    std::string{model} + ": label " + std::to_string(n) + ": " +
                    expected_got("less than " + std::to_string(C.classes), std::to_string(labels[n].index)));
            if (!drop_label(n)) label = C.label_token(labels[n]);
        }
        f(n, label, tokens);
    }
}

}  // namespace tessera::detail
