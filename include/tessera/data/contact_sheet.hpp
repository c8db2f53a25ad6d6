#pragma once
// load_contact_sheet: loads many small images from one PNG, whose cells are images in row-major order.
//
//     load_contact_sheet<Shape<28, 28, 1>>(path, classes)
//     label of a cell in row r of R = r / (R / classes)
//
// The rows of cells are divided into `classes` equal bands, and the band is the label. A thousand files of a few
// hundred bytes become one that a program can ship and a person can look at.
//
// Shapes   the sheet [R height x C width x channels], the images [R C, height x width x channels]
// Errors   DataError where the sheet is not made of whole cells or its rows are not divisible into the bands;
//          FormatError and IoError as read_file and decode_png
// Cost     as decode_png; the images are copied once

#include <tessera/core/read_limits.hpp>
#include <tessera/data/images.hpp>
#include <tessera/files/file.hpp>
#include <tessera/image/decode_png.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

/// With `classes` 0 the images have no labels.
template <StaticShape S>
    requires(S::rank == 3 && (S::dims[2] == 1 || S::dims[2] == 3))
[[nodiscard]] Images<S> cut_contact_sheet(const image::Pixels& sheet, std::size_t classes, const std::string& name) {
    constexpr std::size_t height = S::dims[0], width = S::dims[1], channels = S::dims[2];
    const std::size_t rows = sheet.height / height, columns = sheet.width / width;
    if (sheet.height % height != 0 || sheet.width % width != 0 || sheet.channels != channels)
        throw DataError("load_contact_sheet: " + name + ": " +
                        expected_got("cells of " + to_string(S{}),
                                     std::to_string(sheet.height) + " x " + std::to_string(sheet.width) + " pixels"));
    if (classes > rows || (classes != 0 && rows % classes != 0))
        throw DataError("load_contact_sheet: " + name + ": " +
                        expected_got("rows of cells in " + std::to_string(classes) + " equal bands",
                                     std::to_string(rows) + " rows"));
    std::vector<std::uint8_t> bytes;
    std::vector<Label> labels;
    bytes.reserve(sheet.values.size());
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) {
            for (std::size_t y = 0; y < height; ++y) {
                const unsigned char* from = sheet.at(r * height + y, c * width);
                bytes.insert(bytes.end(), from, from + width * channels);
            }
            if (classes != 0) labels.push_back(Label{static_cast<std::uint32_t>(r / (rows / classes))});
        }
    return Images<S>{std::move(bytes), std::move(labels), classes};
}

template <StaticShape S>
[[nodiscard]] static Images<S> load_contact_sheet(const std::string& path, std::size_t classes,
                                                  const ReadLimits& limits = {}) {
    return cut_contact_sheet<S>(image::decode_png(read_file(path, limits.file), S::dims[2], path, limits), classes,
                                path);
}

}  // namespace tessera::data
