#include <tessera/data/all_pixels.hpp>

#include <doctest/doctest.h>

#include <support/mismatch.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/padded.hpp>
#include <tessera/data/read_ahead.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tessera;

namespace all_pixels_test {

namespace {

using Small = data::Images<Shape<2, 2, 1>>;
using Padded = data::Padded<Shape<4, 4, 1>, Small>;

Small images() {
    std::vector<std::uint8_t> bytes(20);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(10 * i + 5);
    std::vector<Label> labels;
    for (std::uint32_t n = 0; n < 5; ++n) labels.push_back(Label{n % 3});
    return Small{std::move(bytes), std::move(labels), 4};
}

template <class D>
concept Wrappable = requires(D&& dataset) {
    data::AllPixels<std::remove_cvref_t<D>>{std::forward<D>(dataset)};
};

}  // namespace

static_assert(data::MaskedDataset<Padded> && !data::MaskedDataset<data::AllPixels<Padded>>);
static_assert(data::LabelledDataset<data::AllPixels<Padded>> && !data::ExpectingDataset<data::AllPixels<Padded>>);
static_assert(data::ExpectingDataset<data::AllPixels<data::ReadAhead<Padded>>>);
static_assert(Wrappable<const Padded&> && !Wrappable<Padded>, "a temporary dataset would dangle");

TEST_CASE("AllPixels: has the images, labels and classes of its dataset, and batches without a mask") {
    const Small set = images();
    const Padded padded{set};
    const data::AllPixels all{padded};
    CHECK((all.size() == 5 && all.labelled() && all.classes() == 4));
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 5; ++n) {
        std::array<float, 16> expected{}, got{};
        padded.copy(n, expected);
        all.copy(n, got);
        wrong.compare(expected, got, "image ", n);
        wrong.compare(padded.label(n).index, all.label(n).index, "label ", n);
    }
    std::size_t seen = 0;
    for (auto&& batch : batches(all, 2, {.shuffle = false})) {
        static_assert(std::is_same_v<std::remove_cvref_t<decltype(batch)>, data::Batch<Padded::Example>>);
        const View<const float, Shape<4, 4, 1>> x = batch;  // converts, as there is no mask to lose
        seen += x.batch();
    }
    CHECK(seen == 5);
    CHECK(wrong.first() == "");
}

// Remembers what it was told to expect.
struct Expecting {
    using Example = Small::Example;
    Small set;
    std::vector<std::size_t>* expected;

    std::size_t size() const { return set.size(); }
    void copy(std::size_t i, std::span<float, Small::Example::Sample::size> out) const { set.copy(i, out); }
    void expect(std::span<const std::size_t> indices) const {
        expected->insert(expected->end(), indices.begin(), indices.end());
    }
};

TEST_CASE("AllPixels: tells a dataset that reads ahead what comes next") {
    std::vector<std::size_t> direct, through;
    const Expecting set{images(), &direct}, other{images(), &through};
    const data::AllPixels all{other};
    for (auto&& batch : batches(set, 2, {.rng = Rng{4}})) static_cast<void>(batch);
    for (auto&& batch : batches(all, 2, {.rng = Rng{4}})) static_cast<void>(batch);
    CHECK(direct.size() >= 5);
    CHECK(through == direct);
}

}  // namespace all_pixels_test
