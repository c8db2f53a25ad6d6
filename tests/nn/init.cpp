#include <tessera/nn/init.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <tessera/core/param.hpp>

#include <algorithm>
#include <cmath>

using namespace tessera;

namespace {

template <class Leaf>
struct Moments {
    double mean = 0, variance = 0, low = 1e9, high = -1e9;
    explicit Moments(const Leaf& leaf) {
        const double n = static_cast<double>(leaf.span().size());
        for (const double v : leaf.span()) {
            mean += v / n;
            low = std::min(low, v);
            high = std::max(high, v);
        }
        for (const double v : leaf.span()) variance += (v - mean) * (v - mean) / n;
    }
};

using Leaf = Param<float, Shape<100, 200>>;

}  // namespace

TEST_CASE("uniform_fan_in: uniform on (-1/sqrt(fan_in), 1/sqrt(fan_in))") {
    Leaf leaf;
    Rng rng{1};
    nn::uniform_fan_in(leaf, 25, rng);
    const Moments m(leaf);
    CHECK(m.low >= -0.2);
    CHECK(m.high <= 0.2);
    CHECK(m.low < -0.1999);
    CHECK(m.high > 0.1999);
    CHECK(std::abs(m.mean) < 0.003);
    CHECK(std::abs(m.variance / (0.04 / 3) - 1) < 0.02);
}

TEST_CASE("xavier_uniform: uniform on (-a, a), a = sqrt(6 / (fan_in + fan_out))") {
    Leaf leaf;
    Rng rng{2};
    nn::xavier_uniform(leaf, 100, 50, rng);
    const Moments m(leaf);
    CHECK(m.low >= -0.2);
    CHECK(m.high <= 0.2);
    CHECK(std::abs(m.variance / (0.04 / 3) - 1) < 0.02);
}

TEST_CASE("normal: mean 0 and the given deviation") {
    Leaf leaf;
    Rng rng{3};
    nn::normal(leaf, 0.5f, rng);
    const Moments m(leaf);
    CHECK(std::abs(m.mean) < 0.015);
    CHECK(std::abs(m.variance / (0.25) - 1) < 0.04);
    CHECK(m.high > 1.5);
}

TEST_CASE("init: a leaf in double gets the numbers of the same leaf in float, and the next leaf differs") {
    Param<float, Shape<50>> a, next;
    Param<double, Shape<50>> b;
    Rng first{4}, second{4};
    nn::normal(a, 1.f, first);
    nn::normal(b, 1.f, second);
    nn::normal(next, 1.f, first);
    CHECK(support::equal_values(a.span(), b.span()));
    CHECK_FALSE(std::ranges::equal(a.span(), next.span()));
}
