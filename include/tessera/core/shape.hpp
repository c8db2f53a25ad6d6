#pragma once
// Shape: the shape of one sample, known at compile time, such as Shape<7, 7, 32>.
//
// Channels come last: an image is Shape<height, width, channels>, a sequence Shape<tokens, width>. The batch is the
// only run-time dimension and always comes first.

#include <tessera/core/abi.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI {

template <std::size_t... D>
struct Shape {
    static constexpr std::size_t rank = sizeof...(D);
    static constexpr std::size_t size = (D * ... * 1);
    static constexpr std::array<std::size_t, rank> dims{D...};
};

template <class>
inline constexpr bool is_shape = false;
template <std::size_t... D>
inline constexpr bool is_shape<Shape<D...>> = true;

/// Only a Shape<...>: stronger than "has size and rank", so that compiler messages print the numbers.
template <class S>
concept StaticShape = is_shape<S>;

/// Both shapes have the same number of elements (required by Reshape; a concept, so that compilers print both).
template <class A, class B>
concept SameSize = StaticShape<A> && StaticShape<B> &&(A::size == B::size);

/// The last dimension: channels of an image, width of a token. Every activation is a matrix of rows x last_dim.
template <StaticShape S>
    requires(S::rank > 0)
inline constexpr std::size_t last_dim = S::dims[S::rank - 1];

template <StaticShape S>
inline constexpr std::size_t row_count = S::size / last_dim<S>;

namespace detail {
template <StaticShape S, std::size_t Last>
struct with_last_dim;
template <std::size_t Last, std::size_t D>
struct with_last_dim<Shape<D>, Last> {
    using type = Shape<Last>;
};
template <std::size_t Last, std::size_t A, std::size_t B>
struct with_last_dim<Shape<A, B>, Last> {
    using type = Shape<A, Last>;
};
template <std::size_t Last, std::size_t A, std::size_t B, std::size_t C>
struct with_last_dim<Shape<A, B, C>, Last> {
    using type = Shape<A, B, Last>;
};
template <std::size_t Last, std::size_t A, std::size_t B, std::size_t C, std::size_t D>
struct with_last_dim<Shape<A, B, C, D>, Last> {
    using type = Shape<A, B, C, Last>;
};
}  // namespace detail

/// The same shape with another last dimension: the output shape of Linear. For ranks 1 to 4.
template <StaticShape S, std::size_t Last>
using WithLastDim = typename detail::with_last_dim<S, Last>::type;

/// "7x7x32", for messages.
template <StaticShape S>
[[nodiscard]] std::string to_string(S) {
    std::string text;
    for (std::size_t d : S::dims) {
        if (!text.empty()) text += 'x';
        text += std::to_string(d);
    }
    return text.empty() ? "scalar" : text;
}

}  // namespace tessera
