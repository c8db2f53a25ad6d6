#pragma once
// UnknownPart: the part of a picture that --unknown names: --complete ignores it and samples it anew.
//
//     lower, upper, left, right, centre, or a picture whose bright pixels are unknown
//
// The encoder describes each of its 7 x 7 positions, squares of 4 x 4 pixels, with the same number of tokens. Those of
// a position are known where all of its pixels are.

#include "pictures.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace digits {

/// How many pixels of a position are known.
enum class Known : unsigned char { nothing, part, all };

class UnknownPart {
public:
    static constexpr std::size_t side = 7, pixels_of_side = Image::dims[0] / side;

    /// Throws ArgumentError where `text` is neither a part nor a file, nothing is unknown or no position is known;
    /// tessera::Error where the file is no picture.
    explicit UnknownPart(const std::string& text);

    /// Of each token of an image with `tokens` of them.
    std::vector<Known> known(std::size_t tokens) const;
    /// Is no position known after one that is not? A prior in raster order completes only such a part.
    bool is_at_end() const;

    /// The encoder reads whole images, so each unknown pixel repeats the nearest known one: strokes do not end at the
    /// border. With an unknown lower half, of the known tokens of the bundled test digits 99, 92 and 68 % (first to
    /// third row, a model of two epochs) are then those of the whole image; with a black lower half 98, 84 and 50 %,
    /// with a mirrored one 99, 91 and 63 %.
    Picture hide(Picture pictures) const;
    /// The unknown pixels in gray.
    void mark(std::span<float, Image::size> picture) const;

private:
    std::array<bool, Image::size> unknown_{};
    std::array<std::size_t, Image::size> nearest_{};  // the pixel that each pixel shows
    std::array<Known, side * side> positions_{};
};

}  // namespace digits
