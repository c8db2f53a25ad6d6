#include <tessera/data/contact_sheet.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/image/encode_png.hpp>

#include <string>

using namespace tessera;
using image::Pixels;
using support::contains;
using support::message;

namespace {
/// 4 rows of 3 cells of 2 x 2; every pixel holds the number of its cell.
Pixels sheet() {
    Pixels s{8, 6, 1, Bytes(48)};
    for (std::size_t y = 0; y < 8; ++y)
        for (std::size_t x = 0; x < 6; ++x) s.values[y * 6 + x] = static_cast<unsigned char>(y / 2 * 3 + x / 2);
    return s;
}
}  // namespace

TEST_CASE("load_contact_sheet: cells are in row-major order, and bands of rows are the classes") {
    const support::TemporaryFolder folder;
    image::write_png(folder / "s.png", sheet());
    const auto images = data::load_contact_sheet<Shape<2, 2, 1>>(folder / "s.png", 2);
    CHECK((images.size() == 12 && images.classes() == 2));
    bool right = true;
    for (std::size_t n = 0; n < 12; ++n) {
        for (const auto pixel : images.pixels(n)) right = right && pixel == n;
        right = right && images.label(n).index == n / 6;
    }
    CHECK(right);
    CHECK(!data::load_contact_sheet<Shape<2, 2, 1>>(folder / "s.png", 0).labelled());
    CHECK(data::load_contact_sheet<Shape<2, 2, 3>>(folder / "s.png", 4).pixels(5)[11] == 5);
}

TEST_CASE("load_contact_sheet: sheets that are not divisible into cells or bands are errors") {
    CHECK(message<DataError>([] { return data::cut_contact_sheet<Shape<3, 2, 1>>(sheet(), 2, "s.png"); }) ==
          "load_contact_sheet: s.png: expected cells of 3x2x1, got 8 x 6 pixels");
    CHECK(message<DataError>([] { return data::cut_contact_sheet<Shape<2, 2, 1>>(sheet(), 3, "s.png"); }) ==
          "load_contact_sheet: s.png: expected rows of cells in 3 equal bands, got 4 rows");
    CHECK(contains(message<IoError>([] { return data::load_contact_sheet<Shape<2, 2, 1>>("/none.png", 3); }),
                   "/none.png: No such file"));
}

TEST_CASE("load_contact_sheet: loads the bundled digits") {
    const std::string folder = std::string{TESSERA_TESTS_DIR} + "/../examples/data/";
    const auto train = data::load_contact_sheet<Shape<28, 28, 1>>(folder + "digits-train.png", 10);
    const auto test = data::load_contact_sheet<Shape<28, 28, 1>>(folder + "digits-test.png", 10);
    CHECK((train.size() == 10000 && test.size() == 2000));
    CHECK((train.label(999) == Label{0} && train.label(1000) == Label{1} && test.label(1999) == Label{9}));
    double sum[10]{};  // of all digits, ones have the least ink and zeros the most
    for (std::size_t n = 0; n < train.size(); ++n)
        for (const auto pixel : train.pixels(n)) sum[train.label(n).index] += pixel;
    CHECK((std::min_element(sum, sum + 10) == sum + 1 && std::max_element(sum, sum + 10) == sum));
}
