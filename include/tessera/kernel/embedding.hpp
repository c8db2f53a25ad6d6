#pragma once
// embedding_forward, embedding_backward: token embedding, alone or plus learned positional embedding.
//
//     y[n, t] = table[x[n, t]] + position[t]       without positions: table[x[n, t]]
//     dtable[x[n, t]] += dy[n, t],   dposition[t] += dy[n, t]     (n, then t, in order)
//
// Shapes   x [samples, tokens], each below the number of rows of the table; y, dy [samples, tokens, width],
//          table [rows, width], position [tokens, width]
// Cost     one addition for each number of y; two for each number of dy

#include <tessera/kernel/elementwise.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

template <std::floating_point T, class Token>
void embedding_forward(std::span<const Token> x, std::size_t width, std::span<const T> table,
                       std::span<const T> position, std::span<T> y) {
    const std::size_t tokens = position.size() / width;
    for (std::size_t i = 0; i < x.size(); ++i)
        kernel::add<T>(table.subspan(x[i] * width, width), position.subspan(i % tokens * width, width),
                       y.subspan(i * width, width));
}

template <std::floating_point T, class Token>
void embedding_forward(std::span<const Token> x, std::size_t width, std::span<const T> table, std::span<T> y) {
    for (std::size_t i = 0; i < x.size(); ++i)
        std::ranges::copy(table.subspan(x[i] * width, width), y.data() + i * width);
}

template <std::floating_point T, class Token>
void embedding_backward(std::span<const Token> x, std::size_t width, std::span<const T> dy, std::span<T> dtable) {
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto row = dtable.subspan(x[i] * width, width);
        kernel::add<T>(row, dy.subspan(i * width, width), row);
    }
}

template <std::floating_point T, class Token>
void embedding_backward(std::span<const Token> x, std::size_t width, std::span<const T> dy, std::span<T> dtable,
                        std::span<T> dposition) {
    const std::size_t tokens = dposition.size() / width;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto d = dy.subspan(i * width, width);
        const auto row = dtable.subspan(x[i] * width, width),
                   at_position = dposition.subspan(i % tokens * width, width);
        kernel::add<T>(row, d, row);
        kernel::add<T>(at_position, d, at_position);
    }
}

}  // namespace tessera::kernel
