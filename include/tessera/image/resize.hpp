#pragma once
// resize_and_crop: resizes an image of any size to height x width.
//
//     out(i) = sum_j w(i, j) in(j)
//     w(i, .) = tent of half width max(1, in / out) around (i + 1/2) in / out, normalised to sum_j w(i, j) = 1
//
// The image is scaled uniformly so that it just covers the target, and the excess is cropped equally on both sides. The
// tent averages when downsampling and interpolates linearly when upsampling. Rows are filtered first, then columns, in
// float. An image that has the target size already is returned unchanged.
//
// Errors   ArgumentError where a height or width, of the image or of the result, is 0
// Cost     about 2 max(1, in / out) multiply-adds for each value of the intermediate and of the output; allocates the
//          intermediate, image.height x width x channels floats

#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/pixels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::image {

namespace detail {

/// The filter of one output position: the index of the first input with a weight, and the weights from there on.
struct Taps {
    std::size_t first = 0;
    std::vector<float> weights;
};

/// Filters for `count` outputs; output i is centred at start + (i + 1/2) step of the input.
inline std::vector<Taps> make_taps(std::size_t input, std::size_t count, double start, double step) {
    std::vector<Taps> taps(count);
    const double reach = (std::max)(1.0, step);
    for (std::size_t i = 0; i < count; ++i) {
        const double center = start + (static_cast<double>(i) + 0.5) * step - 0.5;
        const double low = (std::max)(0.0, std::ceil(center - reach));
        const double high = (std::min)(static_cast<double>(input - 1), std::floor(center + reach));
        std::vector<double> weights;
        double sum = 0;
        for (double j = low; j <= high; j += 1)
            sum += weights.emplace_back((std::max)(0.0, 1.0 - std::abs(j - center) / reach));
        taps[i].first = static_cast<std::size_t>(low);
        for (const double w : weights) taps[i].weights.push_back(static_cast<float>(w / sum));
    }
    return taps;
}

}  // namespace detail

[[nodiscard]] inline Pixels resize_and_crop(const Pixels& image, std::size_t height, std::size_t width) {
    const auto check_sides = [](const char* what, std::size_t h, std::size_t w) {
        if (h == 0 || w == 0)
            throw ArgumentError(std::string{"resize_and_crop: "} + what + ": " +
                                expected_got("at least 1 x 1", std::to_string(h) + " x " + std::to_string(w)));
    };
    check_sides("image", image.height, image.width);
    check_sides("size", height, width);
    const std::size_t channels = image.channels;
    if (image.height == height && image.width == width) return image;
    const double in_h = static_cast<double>(image.height), in_w = static_cast<double>(image.width);
    const double out_h = static_cast<double>(height), out_w = static_cast<double>(width);
    const double step = (std::min)(in_h / out_h, in_w / out_w);  // one for both directions keeps the aspect ratio
    const auto columns = detail::make_taps(image.width, width, (in_w - out_w * step) / 2, step);
    const auto rows = detail::make_taps(image.height, height, (in_h - out_h * step) / 2, step);

    std::vector<float> narrow(image.height * width * channels);
    for (std::size_t y = 0; y < image.height; ++y)
        for (std::size_t x = 0; x < width; ++x)
            for (std::size_t c = 0; c < channels; ++c) {
                float sum = 0;
                const auto& [first, weights] = columns[x];
                for (std::size_t k = 0; k < weights.size(); ++k)
                    sum = std::fma(weights[k], static_cast<float>(image.at(y, first + k)[c]), sum);
                narrow[(y * width + x) * channels + c] = sum;
            }
    Pixels out{height, width, channels, Bytes(height * width * channels)};
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t i = 0; i < width * channels; ++i) {
            float sum = 0;
            const auto& [first, weights] = rows[y];
            for (std::size_t k = 0; k < weights.size(); ++k)
                sum = std::fma(weights[k], narrow[(first + k) * width * channels + i], sum);
            out.values[y * width * channels + i] =
                static_cast<unsigned char>(std::lround(std::clamp(sum, 0.0f, 255.0f)));
        }
    return out;
}

}  // namespace tessera::image
