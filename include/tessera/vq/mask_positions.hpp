#pragma once
// mask_positions: positions of a batch that do not count, such as the padding of images of different sizes.
//
//     tokens of a masked position = no_token,   q = 0 there
//
// Called between forward and what follows it. By rule 2 of vq/quantizer.hpp a position without tokens has no gradient
// and no loss terms, and it is not seen by `observe`: codebooks, losses and reports are those of the other positions.
// The numbers of z at a masked position must be finite; `pack_batch` and `initialize_from_data`, which are called
// before there are tokens, see what they are given. VqVae does all this for a batch with a mask of pixels
// (vq/masked_images.hpp).
//
// Shapes   counts [batch x rows], true or above 0 for a position that counts; tokens [batch, tokens], q [batch, Output]
// Errors   ArgumentError where counts is not of one value for each position; static_assert where the tokens of the
//          quantizer do not belong to positions
// Cost     one pass over the tokens

#include <tessera/core/error.hpp>
#include <tessera/core/token.hpp>
#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq {

/// `mask_positions<Q>(counts, tokens, q)` after `Q::forward(w, pass, z, tokens, q, cache)`. The constraint is on the
/// iterator, as <ranges> alone takes 3 % of the time in which a file with the whole library is compiled.
template <Quantizer Q, class Counts>
    requires std::random_access_iterator<decltype(std::begin(std::declval<const Counts&>()))>
void mask_positions(const Counts& counts, View<Token, TokenShape<Q>> tokens,
                    View<typename Q::Scalar, typename Q::Output> q) {
    constexpr std::size_t rows = row_count<typename Q::Output>, width = last_dim<typename Q::Output>;
    static_assert(Q::tokens % rows == 0, "mask_positions: expected a quantizer with the same tokens for each position");
    constexpr std::size_t per = Q::tokens / rows;
    if (std::size(counts) != tokens.batch() * rows)
        throw ArgumentError("mask_positions: counts: " + expected_got(tokens.batch() * rows, std::size(counts)));
    for (std::size_t m = 0; m < std::size(counts); ++m) {
        if (std::iter_value_t<decltype(std::begin(counts))>{} < counts[m]) continue;
        std::fill_n(tokens.data() + m * per, per, no_token);
        std::fill_n(q.data() + m * width, width, typename Q::Scalar{});
    }
}

}  // namespace tessera::vq
