#include <tessera/data/padded.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/read_ahead.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tessera;

namespace padded_test {

namespace {

template <class S>
data::Images<S> images(std::size_t count) {
    std::vector<std::uint8_t> bytes(count * S::size);
    std::vector<Label> labels;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(1 + i % 250);
    for (std::size_t n = 0; n < count; ++n) labels.push_back(Label{static_cast<std::uint32_t>(n % 3)});
    return data::Images<S>{std::move(bytes), std::move(labels), 4};
}

/// Compares all examples with the definition: the image at (top, left), 0 around it.
template <class S, class Inner>
std::string difference(std::size_t top, std::size_t left) {
    constexpr std::size_t channels = S::dims[2];
    const auto set = images<Inner>(3);
    const data::Padded<S, data::Images<Inner>> padded{set};
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 3; ++n) {
        std::vector<float> x(S::size, -7.f), image(Inner::size);
        std::vector<std::uint8_t> mask(row_count<S>, 9);
        padded.copy(n, std::span<float, S::size>{x});
        padded.copy_mask(n, std::span<std::uint8_t, row_count<S>>{mask});
        set.copy(n, std::span<float, Inner::size>{image});
        for (std::size_t i = 0; i < row_count<S>; ++i) {
            const std::size_t y = i / S::dims[1], column = i % S::dims[1];
            const bool inside =
                y >= top && y < top + Inner::dims[0] && column >= left && column < left + Inner::dims[1];
            wrong.compare(inside ? 1 : 0, mask[i], "mask, pixel ", i);
            for (std::size_t c = 0; c < channels; ++c)
                wrong.compare(inside ? image[((y - top) * Inner::dims[1] + column - left) * channels + c] : 0.f,
                              x[i * channels + c], "image ", n, ", pixel ", i, ", channel ", c);
        }
    }
    return wrong.first();
}

/// A dataset with a mask: the first pixel of example i counts where i is odd, and the others do.
struct Odd {
    using Example = View<const float, Shape<2, 2, 1>>;
    std::size_t size() const { return 4; }
    void copy(std::size_t i, std::span<float, 4> to) const {
        for (float& v : to) v = static_cast<float>(i);
    }
    void copy_mask(std::size_t i, std::span<std::uint8_t, 4> mask) const {
        for (std::uint8_t& m : mask) m = 1;
        mask[0] = i % 2 == 1;
    }
};

template <class D>
concept Paddable = requires(D&& dataset) {
    data::Padded<Shape<4, 4, 1>, std::remove_cvref_t<D>>{std::forward<D>(dataset)};
};

}  // namespace

static_assert(Paddable<const Odd&> && !Paddable<Odd>, "a temporary dataset would dangle");
static_assert(data::MaskedDataset<Odd> && data::MaskedDataset<data::ReadAhead<Odd>>);
static_assert(!data::MaskedDataset<data::Images<Shape<2, 2, 1>>> &&
              !data::MaskedDataset<data::ReadAhead<data::Images<Shape<2, 2, 1>>>>);

TEST_CASE("Padded: images are in the middle, 0 around them, and the mask says where they are") {
    CHECK(difference<Shape<8, 8, 1>, Shape<4, 4, 1>>(2, 2) == "");
    CHECK(difference<Shape<8, 6, 3>, Shape<5, 3, 3>>(1, 1) == "");
    CHECK(difference<Shape<5, 9, 2>, Shape<5, 3, 2>>(0, 3) == "");
    CHECK(difference<Shape<9, 3, 1>, Shape<1, 3, 1>>(4, 0) == "");
    CHECK(difference<Shape<4, 3, 2>, Shape<4, 3, 2>>(0, 0) == "");
}

TEST_CASE("Padded: has the labels of its dataset and its classes") {
    const auto set = images<Shape<4, 4, 1>>(5);
    const data::Padded<Shape<8, 8, 1>, data::Images<Shape<4, 4, 1>>> padded{set};
    CHECK((padded.size() == 5 && padded.labelled() && padded.label(4) == Label{1} && padded.classes() == 4));
}

TEST_CASE("Padded: keeps the mask of its dataset inside") {
    const Odd set;
    const data::Padded<Shape<3, 4, 1>, Odd> padded{set};
    std::vector<std::uint8_t> mask(12);
    padded.copy_mask(2, std::span<std::uint8_t, 12>{mask});
    CHECK(mask == std::vector<std::uint8_t>{0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0});
    padded.copy_mask(1, std::span<std::uint8_t, 12>{mask});
    CHECK(mask == std::vector<std::uint8_t>{0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0});
}

TEST_CASE("batches: a batch of a dataset with copy_mask has the masks of its examples, in any order and by ReadAhead") {
    const Odd set;
    const data::ReadAhead ahead{set, {.threads = 1}};
    support::Mismatch wrong;
    std::size_t seen = 0;
    const auto compare = [&](const auto& batch) {
        wrong.compare(batch.size(), batch.mask.batch(), "masks of a batch");
        for (std::size_t n = 0; n < batch.size(); ++n, ++seen) {
            wrong.compare(static_cast<int>(batch.x[n][0]) % 2, batch.mask[n][0], "first pixel");
            wrong.compare(1, batch.mask[n][3], "last pixel");
        }
    };
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        for (auto&& batch : batches(set, 3, {.rng = Rng{seed}})) compare(batch);
        for (auto&& batch : batches(ahead, 3, {.rng = Rng{seed}})) compare(batch);
        for (auto&& batch : batches(set, 4, {.rng = Rng{seed}, .rank = 1, .ranks = 2})) compare(batch);
    }
    CHECK(seen >= 24);
    CHECK(wrong.first() == "");
}

}  // namespace padded_test
