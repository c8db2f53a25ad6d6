#include <tessera/vq/pixel_bits.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/core/rng.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

using namespace tessera;

namespace pixel_bits_test {

namespace {
double bits(std::uint8_t pixel, double y, double sigma) {
    const std::vector<std::uint8_t> pixels{pixel};
    const std::vector<double> mean{y};
    return pixel_bits<double>(pixels, mean, sigma);
}
}  // namespace

TEST_CASE("pixel_bits: the probabilities of the 256 values of a pixel sum to 1, for any mean and sigma") {
    support::Mismatch wrong;
    for (const double sigma : {0.001, 0.02, 0.1, 0.5, 3.0})
        for (const double y : {-0.5, 0.0, 0.001, 0.3, 0.5017, 0.999, 1.0, 2.0}) {
            double sum = 0;
            for (unsigned pixel = 0; pixel < 256; ++pixel)
                sum += std::exp2(-bits(static_cast<std::uint8_t>(pixel), y, sigma));
            wrong.require(std::abs(sum - 1) < 1e-12, "sigma ", sigma, ", y ", y, ": sum ", sum);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("pixel_bits: away from black and white the mean is the entropy of a Gaussian, log2(255 sigma sqrt(2 pi e))") {
    Rng rng{1};
    constexpr double sigma = 0.05;
    std::vector<std::uint8_t> pixels;
    std::vector<float> y;
    for (int i = 0; i < 200'000; ++i) {
        const double mean = 0.4 + 0.2 * rng.uniform_double();
        y.push_back(static_cast<float>(mean));
        pixels.push_back(
            static_cast<std::uint8_t>(std::lround(255 * (mean + sigma * static_cast<double>(rng.normal())))));
    }
    const double expected = std::log2(255 * sigma * std::sqrt(2 * std::numbers::pi * std::numbers::e));
    CHECK(pixel_bits<float>(pixels, y, sigma) / 200'000 == doctest::Approx(expected).epsilon(0.002));
}

TEST_CASE("pixel_bits: the tail is finite, monotonic, and continues what erfc computes") {
    support::Mismatch wrong;
    for (const double sigma : {1e-5, 1e-3, 0.004, 0.02}) {
        double before = 0;
        for (unsigned pixel = 1; pixel < 255; ++pixel) {
            const double b = bits(static_cast<std::uint8_t>(pixel), 0, sigma);
            wrong.require(std::isfinite(b) && b > before, "sigma ", sigma, ", pixel ", pixel, ": ", b, " after ",
                          before);
            before = b;
            // symmetric: the same distance on the other side of the mean
            const double mirrored = bits(static_cast<std::uint8_t>(255 - pixel), 1, sigma);
            wrong.require(std::abs(mirrored - b) <= 1e-9 * b, "sigma ", sigma, ", pixel ", pixel, ": ", b,
                          " on one side, ", mirrored, " on the other");
        }
    }
    CHECK(wrong.first() == "");
    // Both sides of the threshold of 25 deviations: the logarithm of the tail is smooth. Exact values: mpmath.
    CHECK(detail::log_normal_interval(24.999, 25.5) == doctest::Approx(-316.614372).epsilon(1e-5));
    CHECK(detail::log_normal_interval(25.001, 25.5) == doctest::Approx(-316.664452).epsilon(1e-5));
    CHECK(detail::log_normal_interval(40, 41) == doctest::Approx(-804.608442).epsilon(1e-5));
}

TEST_CASE("pixel_bits: the smallest and the largest sigma give finite bits") {
    for (const unsigned pixel : {0u, 1u, 128u, 254u, 255u})
        for (const double y : {0.0, 0.5, 1.0}) {
            CAPTURE(pixel);
            CAPTURE(y);
            CHECK(std::isfinite(bits(static_cast<std::uint8_t>(pixel), y, 1e-100)));
            // half of the mass is on either side of the mean, and the 254 inner values share what is left
            const double inner = std::log2(255e100 * std::sqrt(2 * std::numbers::pi));
            CHECK(bits(static_cast<std::uint8_t>(pixel), y, 1e100) ==
                  doctest::Approx(pixel == 0 || pixel == 255 ? 1 : inner).epsilon(1e-12));
        }
    // both sides of the width from which the density counts
    for (const double width : {0.999e-5, 1.001e-5})
        for (const double a : {-width / 2, 0.0, 0.5, 3.0})
            CHECK(detail::log_normal_interval(a, a + width) ==
                  doctest::Approx(std::log(width) - (a + width / 2) * (a + width / 2) / 2 -
                                  std::log(2 * std::numbers::pi) / 2)
                      .epsilon(1e-9));
}

TEST_CASE("pixel_bits: values beyond black and white count as black and white, like in evaluate") {
    CHECK(bits(0, -3, 0.1) == bits(0, 0, 0.1));
    CHECK(bits(200, 7, 0.1) == bits(200, 1, 0.1));
    CHECK(bits(0, 0, 0.1) == doctest::Approx(-std::log2(0.5 + 0.5 * std::erf(0.5 / 25.5 / std::sqrt(2.0)))));
}

TEST_CASE("pixel_bits: another size, a sigma out of range and NaN are errors") {
    const std::vector<std::uint8_t> pixels(3);
    const std::vector<float> two(2), nan{0, 1, std::numeric_limits<float>::quiet_NaN()}, three(3);
    CHECK(support::message<ArgumentError>([&] { static_cast<void>(pixel_bits<float>(pixels, two, 0.1)); }) ==
          "pixel_bits: y: expected 3, got 2");
    for (const double sigma : {0.0, -1.0, 1e-101, 1e101, std::numeric_limits<double>::infinity()})
        CHECK(support::contains(
            support::message<ArgumentError>([&] { static_cast<void>(pixel_bits<float>(pixels, three, sigma)); }),
            "pixel_bits: sigma: expected a number in [1e-100, 1e100], got "));
    CHECK(support::message<NumericError>([&] { static_cast<void>(pixel_bits<float>(pixels, nan, 0.1)); }) ==
          "pixel_bits: y[2]: expected a finite number, got NaN");
}

}  // namespace pixel_bits_test
