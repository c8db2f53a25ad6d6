#pragma once
// WindowFits: what a layer with a window requires of its input: an image, and a window that fits on it.

#include <tessera/core/shape.hpp>
#include <tessera/nn/window.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

/// A Shape<height, width, channels>.
template <class S>
concept ImageShape = StaticShape<S> &&(S::rank == 3);

/// The window has at least one position on the padded image, in both directions. A concept over shape and window, so
/// that compilers print both.
template <class S, Window W>
concept WindowFits = ImageShape<S> && W.fits(S::dims[0]) && W.fits(S::dims[1]);

/// The output of the transposed convolution is not empty after its padding is cut off.
template <class S, Window W>
concept WindowGrows = ImageShape<S> && W.grows(S::dims[0]) && W.grows(S::dims[1]);

/// 1 where S is no image, so that only the assertion of the layer reports it.
template <StaticShape S>
inline constexpr std::size_t image_height = 1;
template <std::size_t H, std::size_t W, std::size_t C>
inline constexpr std::size_t image_height<Shape<H, W, C>> = H;
template <StaticShape S>
inline constexpr std::size_t image_width = 1;
template <std::size_t H, std::size_t W, std::size_t C>
inline constexpr std::size_t image_width<Shape<H, W, C>> = W;

}  // namespace tessera::nn
