#pragma once
// pixel_bits: the bits of 8-bit pixels under a discretised Gaussian around the decoder's output.
//
//     bits = sum over i of -log2 P(x_i | y_i),   P(x | y) = Phi((x + 1/2 - m) / s) - Phi((x - 1/2 - m) / s)
//     m = 255 clamp(y, 0, 1),   s = 255 sigma;   the intervals of 0 and of 255 are unbounded to their outer side
//                              (Salimans et al. 2017, arXiv:1701.05517, section 2.1; Ho et al. 2020, eq. 13)
//
// The likelihood of a decoder that was trained with a squared error (loss/mse.hpp, loss/gaussian_nll.hpp): sigma is the
// root of the mean squared error on the training images, or of the learned variance. The probabilities of the 256
// values of a pixel sum to 1, so this is the length of a lossless code of the image given its tokens. For sigma above
// a few steps of 1/255 and pixels away from black and white, it is log2(255 sigma sqrt(2 pi e)) per pixel on average.
//
// Far from the mean both values of Phi round to the same number: there the tail is expanded (Mills' ratio). Where sigma
// is so large that they do so everywhere, the probability is the width of the interval times the density in its middle.
// So the result is finite for every pixel.
//
// Shapes   pixels and y have the same number of elements
// Errors   ArgumentError where the sizes differ or sigma is not in [1e-100, 1e100]; NumericError where y is NaN
// Cost     two complementary error functions for each pixel, in double

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/number_text.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// ln(Phi(b) - Phi(a)) for a < b; b may be infinite.
inline double log_normal_interval(double a, double b) {
    if (b <= 0) return log_normal_interval(-b, -a);  // the same interval, mirrored: erfc is accurate for x > 0
    constexpr double root = 1 / std::numbers::sqrt2;
    const double width = b - a, middle = a + width / 2;
    if (width < 1e-5)  // with a relative error below width^2 (middle^2 + 1) / 24
        return std::log(width) - middle * middle / 2 - std::log(2 * std::numbers::pi) / 2;
    if (a < 25) return std::log((std::erfc(a * root) - std::erfc(b * root)) / 2);
    // Phi(b) - Phi(a) = phi(a) / a - phi(b) / b with a relative error below 1 / a^2, 0.0024 bits
    const double density = -a * a / 2 - std::log(a * std::sqrt(2 * std::numbers::pi));
    return density + std::log1p(-std::exp((a - b) * (a + b) / 2) * (a / b));
}

}  // namespace detail

/// `sigma` is in the unit of y: 1 is the range from black to white.
template <std::floating_point T>
[[nodiscard]] double pixel_bits(std::span<const std::uint8_t> pixels, std::span<const T> y, double sigma) {
    if (pixels.size() != y.size()) throw ArgumentError("pixel_bits: y: " + expected_got(pixels.size(), y.size()));
    if (!(sigma >= 1e-100 && sigma <= 1e100))  // so that neither the squares of the bounds nor 1 / s overflow
        throw ArgumentError("pixel_bits: sigma: " + expected_got("a number in [1e-100, 1e100]", number_text(sigma)));
    return with_fp_environment([&] {
        const double s = 255 * sigma;
        double nats = 0;
        for (std::size_t i = 0; i < pixels.size(); ++i) {
            const double mean = 255 * std::clamp(static_cast<double>(y[i]), 0.0, 1.0);
            if (!std::isfinite(mean))
                throw NumericError("pixel_bits: y[" + std::to_string(i) + "]: expected a finite number, got NaN");
            const double low = (static_cast<double>(pixels[i]) - 0.5 - mean) / s,
                         high = (static_cast<double>(pixels[i]) + 0.5 - mean) / s;
            if (pixels[i] == 0)
                nats -= detail::log_normal_interval(-high, std::numeric_limits<double>::infinity());
            else if (pixels[i] == 255)
                nats -= detail::log_normal_interval(low, std::numeric_limits<double>::infinity());
            else
                nats -= detail::log_normal_interval(low, high);
        }
        return nats / std::numbers::ln2;
    });
}

}  // namespace tessera
