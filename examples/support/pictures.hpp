#pragma once
// Pictures: batches of images as PNG files in memory.

#include "material.hpp"

#include <tessera/core/tensor.hpp>
#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace digits {

using Picture = tessera::Tensor<float, Image>;

/// Row r of the picture holds the next row_lengths[r] images of the batch; the rest of a row is black.
tessera::Bytes png_rows(const Picture& images, const std::vector<std::size_t>& row_lengths);
/// All rows have `columns` images.
tessera::Bytes png_grid(const Picture& images, std::size_t columns);

/// The same with the central 12 x 12 pixels of each image.
tessera::Bytes png_grid_of_middles(const Picture& images, std::size_t columns);

struct ReadPictures {
    Picture images;
    std::string fit;  ///< what was changed, as Material::fit
};
/// Reads PNG or JPEG files, converted as those of a folder are.
ReadPictures read_pictures(const std::vector<std::string>& paths);

/// Lengths of `rows` rows for `count` images; they differ by one at most, and no row is empty.
std::vector<std::size_t> row_lengths(std::size_t count, std::size_t rows);

}  // namespace digits
