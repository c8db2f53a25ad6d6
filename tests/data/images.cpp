#include <tessera/data/images.hpp>

#include <tessera/data/dataset.hpp>

#include <doctest/doctest.h>
#include <support/labels.hpp>

#include <array>

using namespace tessera;
using data::Images;
using support::labels_of;
using Small = Images<Shape<2, 1, 3>>;

static_assert(data::LabelledDataset<Small>);
static_assert(std::same_as<data::Element<Small>, float>);
static_assert(!data::Dataset<int>);

namespace {
std::vector<std::uint8_t> counted(std::size_t n) {
    std::vector<std::uint8_t> bytes(n);
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(i);
    return bytes;
}
}  // namespace

TEST_CASE("Images: an example is byte / 255") {
    std::vector<std::uint8_t> bytes(6 * 43);
    for (std::size_t i = 0; i < 256; ++i) bytes[i] = static_cast<std::uint8_t>(i);
    const Small images{bytes};
    CHECK((images.size() == 43 && !images.labelled() && images.classes() == 0));
    bool exact = true;
    std::array<float, 6> example{};
    for (std::size_t n = 0; n < 43; ++n) {
        images.copy(n, example);
        for (std::size_t i = 0; i < 6; ++i)
            exact = exact && example[i] == static_cast<float>(bytes[n * 6 + i]) / 255.0f;
    }
    CHECK(exact);
}

TEST_CASE("Images: has labels, classes and class names") {
    const Small images{counted(18), labels_of({2, 0, 1}), 5, {"a", "b", "c", "d", "e"}};
    CHECK((images.labelled() && images.label(0) == Label{2} && images.label(2) == Label{1} && images.classes() == 5));
    CHECK(images.class_names()[4] == "e");
    CHECK(Small{counted(18), labels_of({2, 0, 1})}.classes() == 3);
}

TEST_CASE("Images: subset() keeps labels and classes") {
    const Small images{counted(18), labels_of({2, 0, 1}), 5};
    const std::array<std::size_t, 2> chosen{2, 0};
    const Small two = images.subset(chosen);
    CHECK((two.size() == 2 && two.label(0) == Label{1} && two.label(1) == Label{2} && two.classes() == 5));
    CHECK((two.pixels(0)[0] == 12 && two.pixels(1)[5] == 5));
    const std::array<std::size_t, 1> outside{3};
    CHECK_THROWS_WITH_AS(images.subset(outside), "Images: subset: expected an index less than 3, got 3", ArgumentError);
}

TEST_CASE("Images: inconsistent sizes are errors") {
    CHECK_THROWS_WITH_AS(Small{counted(17)}, "Images: bytes: expected a multiple of 6, got 17", DataError);
    CHECK_THROWS_WITH_AS((Small{counted(18), labels_of({1, 2})}), "Images: labels: expected 3, got 2", DataError);
    CHECK_THROWS_WITH_AS((Small{counted(18), labels_of({1, 2, 3}), 3}), "Images: label 2: expected less than 3, got 3",
                         DataError);
    CHECK_THROWS_WITH_AS((Small{counted(18), labels_of({1, 2, 0}), 3, {"a"}}), "Images: class names: expected 3, got 1",
                         DataError);
}
