#include "unknown_part.hpp"

#include <tessera/core/error.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

namespace digits {

namespace {

constexpr std::size_t rows = Image::dims[0], columns = Image::dims[1];
static_assert(Image::dims[2] == 1 && rows == columns && rows % UnknownPart::side == 0);

struct Rectangle {
    const char* name;
    std::size_t top, bottom, left, right;
};
constexpr std::array rectangles{Rectangle{"lower", rows / 2, rows, 0, columns},
                                Rectangle{"upper", 0, rows / 2, 0, columns}, Rectangle{"left", 0, rows, 0, columns / 2},
                                Rectangle{"right", 0, rows, columns / 2, columns},
                                Rectangle{"centre", 8, rows - 8, 8, columns - 8}};

std::array<bool, Image::size> unknown_pixels(const std::string& text) {
    std::array<bool, Image::size> unknown{};
    std::string names;
    for (const Rectangle& r : rectangles) {
        names += r.name + std::string{", "};
        if (text != r.name) continue;
        for (std::size_t y = r.top; y < r.bottom; ++y)
            for (std::size_t x = r.left; x < r.right; ++x) unknown[y * columns + x] = true;
        return unknown;
    }
    std::error_code error;
    if (!std::filesystem::exists(text, error))
        throw tessera::ArgumentError("--unknown: " +
                                     tessera::expected_got(names + "or the path of a PNG or JPEG file", text));
    const Picture mask = read_pictures({text}).images;
    for (std::size_t i = 0; i < Image::size; ++i) unknown[i] = mask[0][i] >= 0.5f;
    return unknown;
}

// The known pixel at the least distance, the first of equals.
std::size_t nearest_known(std::size_t pixel, const std::array<bool, Image::size>& unknown) {
    const auto squared = [](std::size_t a, std::size_t b) { return a < b ? (b - a) * (b - a) : (a - b) * (a - b); };
    std::size_t best = pixel, least = std::numeric_limits<std::size_t>::max();
    for (std::size_t i = 0; i < Image::size; ++i) {
        if (unknown[i]) continue;
        const std::size_t distance = squared(i / columns, pixel / columns) + squared(i % columns, pixel % columns);
        if (distance >= least) continue;
        least = distance;
        best = i;
    }
    return best;
}

}  // namespace

UnknownPart::UnknownPart(const std::string& text) : unknown_{unknown_pixels(text)} {
    if (std::ranges::count(unknown_, true) == 0)
        throw tessera::ArgumentError("--unknown: " + text + ": expected bright pixels, which are unknown, got none");
    for (std::size_t p = 0; p < positions_.size(); ++p) {
        std::size_t unknown = 0;
        for (std::size_t i = 0; i < pixels_of_side * pixels_of_side; ++i) {
            const std::size_t y = p / side * pixels_of_side + i / pixels_of_side;
            const std::size_t x = p % side * pixels_of_side + i % pixels_of_side;
            unknown += unknown_[y * columns + x];
        }
        positions_[p] = unknown == 0                                 ? Known::all
                        : unknown == pixels_of_side * pixels_of_side ? Known::nothing
                                                                     : Known::part;
    }
    if (std::ranges::count(positions_, Known::all) == 0)
        throw tessera::ArgumentError("--unknown: " + text +
                                     ": expected one of the 7 x 7 squares of 4 x 4 pixels without a bright pixel, so "
                                     "that a token is known, got none");
    for (std::size_t i = 0; i < Image::size; ++i) nearest_[i] = unknown_[i] ? nearest_known(i, unknown_) : i;
}

std::vector<Known> UnknownPart::known(std::size_t tokens) const {
    const std::size_t of_position = tokens / positions_.size();
    std::vector<Known> all;
    for (const Known one : positions_) all.insert(all.end(), of_position, one);
    return all;
}

bool UnknownPart::is_at_end() const {
    return std::ranges::is_sorted(positions_, [](Known a, Known b) { return a == Known::all && b != Known::all; });
}

Picture UnknownPart::hide(Picture pictures) const {
    for (std::size_t n = 0; n < pictures.batch(); ++n)
        for (std::size_t i = 0; i < Image::size; ++i)
            if (unknown_[i]) pictures[n][i] = pictures[n][nearest_[i]];
    return pictures;
}

void UnknownPart::mark(std::span<float, Image::size> picture) const {
    constexpr float gray = 0.35f;
    for (std::size_t i = 0; i < Image::size; ++i)
        if (unknown_[i]) picture[i] = gray;
}

}  // namespace digits
