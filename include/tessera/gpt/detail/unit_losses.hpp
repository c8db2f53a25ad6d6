#pragma once
// unit_losses: cross-entropy of a block of sequences, a sum for each unit of some sequences; the gradient replaces the
// logits.
//
// The reported loss is the sum over units in their order. How a batch is cut into blocks depends on the number of
// threads (nn/exec/grouped.hpp), a unit does not.
//
// Shapes   logits [sequences, context, vocab], targets [sequences, context], sums: one for each unit
// Cost     that of cross_entropy

#include <tessera/core/token.hpp>
#include <tessera/loss/cross_entropy.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::detail {

/// `rows` of a unit: sequences times positions.
template <std::floating_point T>
void unit_losses(std::span<T> logits, std::span<const Token> targets, std::size_t rows, T scale,
                 std::span<double> sums) {
    const std::size_t vocab = targets.empty() ? 0 : logits.size() / targets.size();
    for (std::size_t first = 0, unit = 0; first < targets.size(); first += rows, ++unit) {
        const std::size_t count = (std::min)(rows, targets.size() - first);
        const std::span<T> now = logits.subspan(first * vocab, count * vocab);
        sums[unit] = cross_entropy<T>(now, targets.subspan(first, count), now, scale);
    }
}

}  // namespace tessera::detail
