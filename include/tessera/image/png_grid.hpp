#pragma once
// write_png_grid: writes a batch as one PNG, a grid of images in row-major order without gaps.
//
//     byte = round(255 (x - low) / (high - low)), x clamped to the range low .. high (default 0 .. 1); NaN becomes 0
//
// Unused cells of the last row are black.
//
// Shapes   images [batch, height x width x channels], channels 1 to 4
// Errors   ArgumentError where the batch is empty, `columns` is 0 or the range is empty; static_assert where an image
//          does not have 1 to 4 channels; IoError where the file cannot be written
// Cost     allocates the pixels of the grid, one byte for each element

#include <tessera/core/error.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/value_range.hpp>
#include <tessera/core/view.hpp>
#include <tessera/image/encode_png.hpp>

#include <algorithm>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::image {

template <class T, StaticShape S>
    requires(std::floating_point<std::remove_const_t<T>>&& S::rank == 3)
[[nodiscard]] Pixels png_grid(View<T, S> images, std::size_t columns, const ValueRange& range = {}) {
    using Number = std::remove_const_t<T>;
    static_assert(S::dims[2] >= 1 && S::dims[2] <= 4, "png_grid: an image has 1 to 4 channels");
    if (columns == 0 || images.batch() == 0)
        throw ArgumentError("png_grid: " + std::to_string(images.batch()) + " images in " + std::to_string(columns) +
                            " columns: expected at least one of each");
    range.check_valid("png_grid");
    const bool is_unit = std::is_eq(range.low <=> 0) && std::is_eq(range.high <=> 1);
    constexpr std::size_t height = S::dims[0], row = S::dims[1] * S::dims[2];
    columns = (std::min)(columns, images.batch());
    const std::size_t rows = (images.batch() + columns - 1) / columns;
    Pixels grid{rows * height, columns * S::dims[1], S::dims[2], Bytes(rows * columns * S::size)};
    for (std::size_t n = 0; n < images.batch(); ++n)
        for (std::size_t y = 0; y < height; ++y) {
            const auto* from = images[n].data() + y * row;
            unsigned char* to = grid.values.data() + ((n / columns * height + y) * columns + n % columns) * row;
            for (std::size_t i = 0; i < row; ++i) {
                const Number v = is_unit ? from[i] : (from[i] - Number(range.low)) / Number(range.width());
                const Number x = v > 0 ? (std::min<Number>)(v, 1) : 0;
                to[i] = static_cast<unsigned char>(std::lround(x * 255));
            }
        }
    return grid;
}

template <class T, StaticShape S>
static void write_png_grid(const std::string& path, View<T, S> images, std::size_t columns,
                           const ValueRange& range = {}) {
    write_png(path, png_grid(images, columns, range));
}
template <class T, StaticShape S>
static void write_png_grid(const std::string& path, const Tensor<T, S>& images, std::size_t columns,
                           const ValueRange& range = {}) {
    write_png_grid(path, images.view(), columns, range);
}

}  // namespace tessera::image
