#include <tessera/image/detail/jpeg_planes.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

using namespace tessera;
using image::detail::JpegPlane;

namespace {
/// Rows of an upsampled plane as text, one number for each pixel.
std::string upsampled(const Bytes& plane, std::size_t width, std::size_t across, std::size_t down) {
    const JpegPlane p{plane.data(), width, width, plane.size() / width, across, down};
    Bytes out(width * across);
    std::string text;
    for (std::size_t y = 0; y < p.height * down; ++y, text += '/') {
        p.upsample(y, out.data());
        for (const unsigned char v : out) text += std::to_string(v) + ' ';
    }
    return text;
}
}  // namespace

TEST_CASE("jpeg_planes: half the width or height is interpolated with weights 3 and 1, as in libjpeg") {
    CHECK(upsampled({0, 40, 100}, 3, 2, 1) == "0 10 30 55 85 100 /");
    CHECK(upsampled({0, 40, 100}, 1, 1, 2) == "0 /10 /30 /55 /85 /100 /");
    // columns are summed first: 4 times 0 40 100, then 3 x 0 + 80 and so on below
    CHECK(upsampled({0, 40, 100, 80, 80, 80}, 3, 2, 2) ==
          "0 10 30 55 85 100 /20 27 43 61 84 95 /60 62 68 74 81 85 /80 80 80 80 80 80 /");
}

TEST_CASE("jpeg_planes: other factors, and planes of one or two columns, repeat their samples") {
    CHECK(upsampled({7, 200}, 2, 2, 1) == "7 7 200 200 /");
    CHECK(upsampled({7, 200}, 2, 2, 2) == "7 7 200 200 /7 7 200 200 /");
    CHECK(upsampled({7, 9}, 1, 4, 2) == "7 7 7 7 /7 7 7 7 /9 9 9 9 /9 9 9 9 /");
    CHECK(upsampled({1, 2, 3}, 3, 4, 1) == "1 1 1 1 2 2 2 2 3 3 3 3 /");
}

TEST_CASE("jpeg_planes: colours of YCbCr are clamped, and CMYK is a product") {
    using Rgb = std::array<unsigned char, 3>;
    CHECK(image::detail::rgb_of(100, 128, 128) == Rgb{100, 100, 100});
    CHECK(image::detail::rgb_of(76, 85, 255) == Rgb{254, 0, 0});
    CHECK(image::detail::rgb_of(255, 0, 255) == Rgb{255, 208, 28});
    CHECK(image::detail::rgb_of(0, 255, 0) == Rgb{0, 48, 225});
    int worst = 0;
    for (unsigned c = 0; c < 256; ++c)
        for (unsigned k = 0; k < 256; ++k) {
            const int exact = static_cast<int>((c * k + 127) / 255);
            worst = support::larger(worst, std::abs(image::detail::over_black(c, k) - exact));
        }
    CHECK(worst <= 1);
    CHECK(image::detail::over_black(255, 77) == 77);
    CHECK(image::detail::over_black(0, 77) == 0);
}
