#include <support/frechet_distance.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <tessera/core/rng.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace frechet_distance_test {

namespace {
std::vector<float> rows(std::size_t count, std::size_t width, std::uint64_t seed) {
    tessera::Rng rng{seed};
    std::vector<float> x(count * width);
    for (std::size_t i = 0; i < x.size(); ++i)  // neighbouring columns are correlated
        x[i] = rng.uniform(-1, 1) + (i % width > 0 ? x[i - 1] / 2 : 0.0f);
    return x;
}
}  // namespace

TEST_CASE("frechet_distance: 0 for equal sets, |d|^2 where one is shifted by d") {
    const auto a = rows(500, 20, 1);
    CHECK(course::frechet_distance(a, a, 20) < 1e-9);
    auto shifted = a;
    for (std::size_t i = 0; i < shifted.size(); ++i) shifted[i] += i % 20 == 3 ? 2.0f : 0.5f;
    CHECK(course::frechet_distance(a, shifted, 20) == doctest::Approx(4 + 19 * 0.25).epsilon(1e-5));
}

TEST_CASE("frechet_distance: (s - 1)^2 times the variance where one is scaled by s, and it is symmetric") {
    auto a = rows(400, 7, 2);
    for (std::size_t c = 0; c < 7; ++c) {  // mean 0, so that scaling does not shift
        double mean = 0;
        for (std::size_t r = 0; r < 400; ++r) mean += static_cast<double>(a[r * 7 + c]) / 400;
        for (std::size_t r = 0; r < 400; ++r) a[r * 7 + c] -= static_cast<float>(mean);
    }
    double variance = 0;
    for (const float x : a) variance += static_cast<double>(x) * static_cast<double>(x) / 399;
    auto scaled = a;
    for (float& x : scaled) x *= 3;
    CHECK(course::frechet_distance(a, scaled, 7) == doctest::Approx(4 * variance).epsilon(1e-5));
    const auto b = rows(300, 7, 3);
    CHECK(course::frechet_distance(a, b, 7) == doctest::Approx(course::frechet_distance(b, a, 7)).epsilon(1e-9));
}

TEST_CASE("frechet_distance: of two Gaussians with covariances that do not commute") {
    // C1 = diag(4, 1), C2 = ((2.5, 1.5), (1.5, 2.5)): tr (C1^(1/2) C2 C1^(1/2))^(1/2) = sqrt(tr + 2 sqrt(det))
    const std::vector<float> first{2, 1, -2, 1, 2, -1, -2, -1};
    const std::vector<float> second{2, 2, -2, -2, 1, -1, -1, 1};
    const double scale = 4.0 / 3;  // four rows, divided by three
    const double c1[]{4 * scale, 1 * scale}, c2 = 2.5 * scale, off = 1.5 * scale;
    const double trace = c1[0] * c2 + c1[1] * c2, det = c1[0] * c1[1] * (c2 * c2 - off * off);
    const double expected = c1[0] + c1[1] + 2 * c2 - 2 * std::sqrt(trace + 2 * std::sqrt(det));
    CHECK(course::frechet_distance(first, second, 2) == doctest::Approx(expected).epsilon(1e-9));
}

TEST_CASE("frechet_distance: sets of one row, or of another width, are errors") {
    const std::vector<float> one(3), ten(10), six(6);
    CHECK(support::message<tessera::ArgumentError>([&] { course::frechet_distance(six, one, 3); }) ==
          "frechet_distance: second: expected at least 2 rows of 3, got 3 numbers");
    CHECK(support::message<tessera::ArgumentError>([&] { course::frechet_distance(ten, six, 3); }) ==
          "frechet_distance: first: expected at least 2 rows of 3, got 10 numbers");
}

}  // namespace frechet_distance_test
