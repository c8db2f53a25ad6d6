#pragma once
// placed_embedding_forward, placed_embedding_backward: token embedding plus the embedding of a position that comes with
// the token.
//
//     x[i] = place rows + token,   y[i] = table[token] + position[place]
//     dtable[token] += dy[i],   dposition[place] += dy[i]     (i in order)
//
// Shapes   x [count], each below rows x places; y, dy [count, width], table [rows, width], position [places, width]
// Cost     one addition for each number of y; two for each number of dy

#include <tessera/kernel/elementwise.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

template <std::floating_point T, class Token>
void placed_embedding_forward(std::span<const Token> x, std::size_t width, std::span<const T> table,
                              std::span<const T> position, std::span<T> y) {
    const std::size_t rows = table.size() / width;
    for (std::size_t i = 0; i < x.size(); ++i)
        kernel::add<T>(table.subspan(x[i] % rows * width, width), position.subspan(x[i] / rows * width, width),
                       y.subspan(i * width, width));
}

template <std::floating_point T, class Token>
void placed_embedding_backward(std::span<const Token> x, std::size_t width, std::span<const T> dy, std::span<T> dtable,
                               std::span<T> dposition) {
    const std::size_t rows = dtable.size() / width;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto d = dy.subspan(i * width, width);
        const auto row = dtable.subspan(x[i] % rows * width, width),
                   at_place = dposition.subspan(x[i] / rows * width, width);
        kernel::add<T>(row, d, row);
        kernel::add<T>(at_place, d, at_place);
    }
}

}  // namespace tessera::kernel
