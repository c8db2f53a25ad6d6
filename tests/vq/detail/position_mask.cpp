#include <tessera/vq/detail/position_mask.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace tessera;

namespace position_mask_test {

namespace {
struct Fits {
    static constexpr bool fit = true;
};
}  // namespace

TEST_CASE("position_of: the patch that has a pixel, in images, sequences and vectors") {
    using Image = Shape<4, 6, 3>;
    using Latent = Shape<2, 2, 5>;
    support::Mismatch wrong;
    for (std::size_t y = 0; y < 4; ++y)
        for (std::size_t x = 0; x < 6; ++x)
            wrong.compare(y / 2 * 2 + x / 3, (vq::detail::position_of<Image, Latent>(y * 6 + x)), "pixel ", y, " ", x);
    for (std::size_t i = 0; i < 12; ++i)
        wrong.compare(i / 4, (vq::detail::position_of<Shape<12, 2>, Shape<3, 7>>(i)), "number ", i);
    wrong.compare(0, (vq::detail::position_of<Shape<12>, Shape<3>>(0)), "a vector");
    CHECK(wrong.first() == "");
}

TEST_CASE("PositionMask: a position counts where a pixel of its patch does; without a mask all do") {
    vq::detail::PositionMask<float, Shape<4, 4, 3>, Shape<2, 2, 5>, Fits> positions;
    CHECK(positions.counts().empty());
    Tensor<std::uint8_t, Shape<4, 4, 1>> mask{2};
    std::ranges::fill(mask.span(), std::uint8_t{0});
    mask[0][3] = 1;   // top right
    mask[1][15] = 2;  // bottom right
    mask[1][8] = 1;   // bottom left
    positions.set(mask);
    CHECK(support::equal_values(std::vector<float>{0, 1, 0, 0, 0, 0, 1, 1}, positions.counts()));
    positions.set({});
    CHECK(positions.counts().empty());
}

TEST_CASE("PositionMask: of a batch that threads share, the positions are those of one sample after another") {
    using Image = Shape<32, 32, 1>;
    vq::detail::PositionMask<float, Image, Shape<8, 8, 4>, Fits> together, alone;
    constexpr std::size_t samples = 300;  // several tasks, the last one not full
    Tensor<std::uint8_t, Image> mask{samples};
    Rng draw{1};
    for (std::uint8_t& m : mask.span()) m = draw.below(16) == 0;
    support::with_threads(3, [&] { together.set(mask); });
    support::Mismatch wrong;
    std::size_t count = 0;
    for (std::size_t n = 0; n < samples; ++n) {
        alone.set(std::as_const(mask).view().slice(n, 1));
        for (std::size_t k = 0; k < 64; ++k) {
            wrong.compare(alone.counts()[k], together.counts()[n * 64 + k], "sample ", n, ", position ", k);
            count += alone.counts()[k] > 0;
        }
    }
    CHECK(wrong.first() == "");
    CHECK((count > 10000 && count < 15000));  // 64 % of 19,200
    const float* const before = together.counts().data();
    together.set(std::as_const(mask).view().slice(0, 7));
    CHECK((together.counts().size() == 7 * 64 && together.counts().data() == before));
}

TEST_CASE("PositionMask: the squared error is that of the positions that count") {
    using Latent = Shape<3, 2>;
    vq::detail::PositionMask<double, Shape<3, 1>, Latent, Fits> positions;
    Tensor<std::uint8_t, Shape<3, 1>> mask{2};
    for (std::size_t i = 0; i < 6; ++i) mask.data()[i] = i % 2;
    Tensor<double, Latent> z{1}, q{1}, scratch{1};
    for (std::size_t i = 0; i < 6; ++i) {
        z.data()[i] = static_cast<double>(i + 1);
        q.data()[i] = i / 2 == 0 || i / 2 == 2 ? 0.5 : 0;
    }
    positions.set(mask);
    CHECK(positions.squared_error(1, z.view(), q.view(), scratch.view()) == 0.25 + 2.25 + 20.25 + 30.25);
    positions.set({});
    CHECK(positions.squared_error(1, z.view(), q.view(), scratch.view()) == 0.25 + 2.25 + 9 + 16 + 20.25 + 30.25);
}

}  // namespace position_mask_test
