#include <tessera/image/png_grid.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/image/decode_png.hpp>

#include <array>
#include <limits>

using namespace tessera;
using support::message;

TEST_CASE("png_grid: cells are in row-major order, and unused cells are black") {
    Tensor<float, Shape<2, 1, 3>> images{5};
    for (std::size_t i = 0; i < images.span().size(); ++i) images.span()[i] = static_cast<float>(i + 1) / 255.0f;
    const image::Pixels grid = image::png_grid(images.view(), 3);
    CHECK((grid.height == 4 && grid.width == 3 && grid.channels == 3));
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 6; ++n)
        for (std::size_t y = 0; y < 2; ++y)
            for (std::size_t c = 0; c < 3; ++c)
                wrong.compare(n < 5 ? n * 6 + y * 3 + c + 1 : 0, grid.at(n / 3 * 2 + y, n % 3)[c], "image ", n,
                              ", row ", y, ", channel ", c);
    CHECK(wrong.first() == "");
}

TEST_CASE("png_grid: values are clamped to 0 .. 1 and rounded") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const std::array<float, 8> x{-1, 0.0019f, 0.002f, 0.5f, 0.9981f, 1.5f, nan, inf};
    CHECK(image::png_grid(View<const float, Shape<1, 8, 1>>{x.data(), 1}, 4).values ==
          Bytes{0, 0, 1, 128, 255, 255, 0, 255});
    const std::array<double, 1> y{-0.0};
    CHECK(image::png_grid(View<const double, Shape<1, 1, 1>>{y.data(), 1}, 1).values == Bytes{0});
}

TEST_CASE("png_grid: the range says which values are black and white") {
    const std::array<float, 6> x{-2, -1, 0, 0.5f, 1, 2};
    const View<const float, Shape<1, 6, 1>> images{x.data(), 1};
    CHECK(image::png_grid(images, 1, {.low = -1, .high = 1}).values == Bytes{0, 0, 128, 191, 255, 255});
    CHECK(image::png_grid(images, 1, {.low = 0, .high = 2}).values == Bytes{0, 0, 0, 64, 128, 255});
    CHECK(message<ArgumentError>([&] { static_cast<void>(image::png_grid(images, 1, {.low = 1, .high = 1})); }) ==
          "png_grid: range: expected low < high, both finite, got 1 to 1");
}

TEST_CASE("png_grid: fewer images than columns give a shorter row, and an empty batch is an error") {
    const Tensor<float, Shape<1, 1, 1>> images{2}, none;
    CHECK(image::png_grid(images.view(), 10).width == 2);
    CHECK(message<ArgumentError>([&] { static_cast<void>(image::png_grid(images.view(), 0)); }) ==
          "png_grid: 2 images in 0 columns: expected at least one of each");
    CHECK(message<ArgumentError>([&] { static_cast<void>(image::png_grid(none.view(), 4)); }) ==
          "png_grid: 0 images in 4 columns: expected at least one of each");
}

TEST_CASE("write_png_grid: writes the grid of a view or a tensor") {
    const support::TemporaryFolder folder;
    Tensor<float, Shape<4, 4, 1>> images{6};
    for (std::size_t i = 0; i < images.span().size(); ++i) images.span()[i] = static_cast<float>(i % 17) / 16;
    image::write_png_grid(folder / "a.png", images, 3);
    image::write_png_grid(folder / "b.png", images.view().slice(0, 6), 3);
    const Bytes file = read_file(folder / "a.png", 10000);
    CHECK(file == read_file(folder / "b.png", 10000));
    CHECK(image::decode_png(file, 1, "a.png").values == image::png_grid(images.view(), 3).values);
}
