#include <tessera/vq/vq_vae_report.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

using tessera::LevelUsage;
using tessera::perplexity;

TEST_CASE("perplexity: exp of the entropy of the counts, and how many tokens occur") {
    std::size_t used = 9;
    CHECK(perplexity({5, 5, 5, 5}, &used) == doctest::Approx(4));
    CHECK(used == 4);
    CHECK(perplexity({0, 7, 0}, &used) == 1);
    CHECK(used == 1);
    CHECK(perplexity({1, 0, 3}) == doctest::Approx(std::exp(-0.25 * std::log(0.25) - 0.75 * std::log(0.75))));
}

TEST_CASE("perplexity: no counts give 0") {
    std::size_t used = 9;
    CHECK(perplexity({}, &used) == 0);
    CHECK(used == 0);
    CHECK(perplexity({0, 0}) == 0);
}

TEST_CASE("level_usage: the tokens of one level") {
    const std::vector<double> counts{2, 0, 2, 0, 0};
    const LevelUsage level = tessera::level_usage(std::span<const double>{counts});
    CHECK(level.codes == 5);
    CHECK(level.used == 2);
    CHECK(level.usage == 0.4);
    CHECK(level.perplexity == doctest::Approx(2));
}

TEST_CASE("total_usage: the geometric mean of the perplexities, over all vocabularies; one level is itself") {
    const LevelUsage a{.codes = 8, .used = 4, .perplexity = 4, .usage = 0.5};
    const LevelUsage b{.codes = 2, .used = 1, .perplexity = 1, .usage = 0.5};
    const LevelUsage dropped{.codes = 6};
    const LevelUsage all = tessera::total_usage(std::array{a, b, dropped});
    CHECK(all.codes == 16);
    CHECK(all.used == 5);
    CHECK(all.usage == 5.0 / 16);
    CHECK(all.perplexity == doctest::Approx(2));
    CHECK(tessera::total_usage(std::array{a}).perplexity == 4);
    CHECK(tessera::total_usage(std::array{dropped, dropped}).perplexity == 0);
}
