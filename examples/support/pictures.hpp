#pragma once
// Pictures: batches of images as PNG files in memory.

#include "material.hpp"

#include <tessera/core/tensor.hpp>
#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <vector>

namespace digits {

using Picture = tessera::Tensor<float, Image>;

/// Row r of the picture holds row_lengths[r] images, one after another of the batch; what is left of a row is
/// black.
tessera::Bytes png_rows(const Picture& images, const std::vector<std::size_t>& row_lengths);
/// As many images as there are places.
tessera::Bytes png_grid(const Picture& images, std::size_t columns);

/// The same, of the middle 12 x 12 pixels of each image.
tessera::Bytes png_grid_of_middles(const Picture& images, std::size_t columns);

/// `count` images in `rows` rows whose lengths differ by one at most; no row is empty.
std::vector<std::size_t> row_lengths(std::size_t count, std::size_t rows);

}  // namespace digits
