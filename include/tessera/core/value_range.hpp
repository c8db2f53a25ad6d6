#pragma once
// ValueRange: the range of the values of images, which evaluation and pictures have to know.
//
//     vae.evaluate(images, {.low = -1, .high = 1})                 a data set in [-1, 1], a decoder that ends in Tanh
//     image::png_grid(images, columns, {.low = -1, .high = 1})     -1 is black, 1 is white
//
// Both clamp what a decoder returns to the range. A wrong range would clamp outputs and not the data that they are
// compared with: an error of 0.006 was reported as 0.408. So a data set with values outside is an error.
//
// Errors   check_valid throws ArgumentError unless both are finite and low < high

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>

#include <cmath>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

struct ValueRange {
    float low = 0;
    float high = 1;

    [[nodiscard]] float width() const { return high - low; }
    void check_valid(std::string_view where) const {
        if (std::isfinite(low) && std::isfinite(high) && low < high && std::isfinite(width())) return;
        throw ArgumentError(std::string{where} + ": range: " +
                            expected_got("low < high, both finite", number_text(low) + " to " + number_text(high)));
    }
};

}  // namespace tessera
