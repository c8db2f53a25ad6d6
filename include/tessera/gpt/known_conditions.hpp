#pragma once
// KnownConditions: on what a prior with classes was trained, which says what can be asked of it.
//
//     prior.freeze().knows().labels        from GptOptions::label_dropout p:
//                                          labels for p < 1, the null class for p > 0
//
// A prior draws noise for a condition that it never saw, so sample(), complete() and evaluate() refuse it. logits(),
// sequence_nats() and TokenCodec take any condition.
//
// Errors   ArgumentError of those: labels for a prior that was trained without them (evaluate() takes the null class
//          instead, as training did), or none for one that was trained with labels alone

#include <tessera/core/abi.hpp>
#include <tessera/core/error.hpp>

#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI {

struct KnownConditions {
    bool labels = true;      ///< it was trained with labels
    bool null_class = true;  ///< it was trained with the null class: with label dropout, or without labels
};

namespace detail {
/// For sequences with `labels` labels, of a prior with `classes`; `where` begins the message: "sample: ".
inline void check_condition(std::size_t labels, std::size_t classes, KnownConditions knows, const std::string& where) {
    if (classes == 0) return;
    if (labels > 0 && !knows.labels)
        throw ArgumentError(
            where + "labels: " +
            expected_got("none, as the prior was trained without labels (label_dropout 1)", std::to_string(labels)));
    if (labels == 0 && !knows.null_class)
        throw ArgumentError(
            where + "labels: " +
            expected_got("one per sequence, as the prior was trained with labels alone (label_dropout 0)", "none"));
}
}  // namespace detail

}  // namespace tessera
