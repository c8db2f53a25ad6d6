#include <tessera/vq/vq_vae_report.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

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
