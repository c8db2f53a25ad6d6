#include <tessera/vq/drop_levels.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace tessera;

namespace {
std::string refused(const vq::DropLevels& drop) {
    return support::message<ArgumentError>([&] { drop.check_options("Mine"); });
}
}  // namespace

TEST_CASE("DropLevels: draws keep to depth levels for the share of the steps that drop, else all") {
    const vq::DropLevels drop{.dropout = 0.5, .keep = 2, .depth = 4};
    std::array<int, 5> steps{};
    for (std::uint64_t i = 0; i < 3000; ++i) ++steps[drop.draw({.training = true, .rng = Rng{1}.split(i)})];
    CHECK(steps[0] + steps[1] == 0);
    CHECK(std::abs(steps[2] - 500) < 100);
    CHECK(std::abs(steps[3] - 500) < 100);
    CHECK(std::abs(steps[4] - 2000) < 150);
}

TEST_CASE("DropLevels: the draw depends on the generator of the step only, and there is none in evaluation") {
    const vq::DropLevels drop{.dropout = 1, .keep = 1, .depth = 8};
    for (std::uint64_t i = 0; i < 20; ++i) {
        const Rng rng = Rng{1}.split(i);
        CHECK(drop.draw({.training = true, .rng = rng, .first = 0}) ==
              drop.draw({.training = true, .rng = rng, .first = 7}));
        CHECK(drop.draw({.training = false, .rng = rng}) == 8);
        CHECK(vq::DropLevels{.depth = 8}.draw({.training = true, .rng = rng}) == 8);
    }
}

TEST_CASE("DropLevels: options out of range are refused") {
    CHECK(refused({.dropout = 1, .keep = 2, .depth = 3}) == "");
    CHECK(refused({.dropout = 1, .keep = 3, .depth = 3}) ==
          "Mine: dropout: expected 0, because keep is the number of all levels, got 1");
    CHECK(refused({.dropout = std::numeric_limits<double>::quiet_NaN()}) ==
          "Mine: dropout: expected a number in [0, 1], got nan");
    CHECK(refused({.keep = 0, .depth = 3}) == "Mine: keep: expected 1 to 3, got 0");
    CHECK(refused({.keep = 4, .depth = 3}) == "Mine: keep: expected 1 to 3, got 4");
    CHECK(vq::DropLevels{.dropout = 0.25, .keep = 2, .depth = 3}.settings() ==
          std::vector<Setting>{{"residual.dropout", "0.25"}, {"residual.keep", "2"}});
}
