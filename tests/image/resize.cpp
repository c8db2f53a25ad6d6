#include <tessera/image/resize.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/message.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace tessera;
using image::Pixels;
using image::resize_and_crop;

namespace {

template <class F>
Pixels picture(std::size_t h, std::size_t w, std::size_t c, F&& value) {
    Pixels p{h, w, c, Bytes(h * w * c)};
    for (std::size_t y = 0; y < h; ++y)
        for (std::size_t x = 0; x < w; ++x)
            for (std::size_t k = 0; k < c; ++k)
                p.values[(y * w + x) * c + k] = static_cast<unsigned char>(value(y, x, k));
    return p;
}

/// The definition, in double and in one pass over both directions.
double twin(const Pixels& in, std::size_t h, std::size_t w, std::size_t y, std::size_t x, std::size_t c) {
    const double H = double(in.height), W = double(in.width), step = std::min(H / double(h), W / double(w)),
                 reach = std::max(1.0, step);
    const double cy = (H - double(h) * step) / 2 + (double(y) + 0.5) * step - 0.5,
                 cx = (W - double(w) * step) / 2 + (double(x) + 0.5) * step - 0.5;
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < in.height; ++i)
        for (std::size_t j = 0; j < in.width; ++j) {
            const double a = std::max(0.0, 1 - std::abs(double(i) - cy) / reach) *
                             std::max(0.0, 1 - std::abs(double(j) - cx) / reach);
            sum += a * in.at(i, j)[c];
            weight += a;
        }
    return sum / weight;
}

}  // namespace

TEST_CASE("resize_and_crop: matches the definition, shrinking, enlarging and mixed") {
    const auto value = [](std::size_t y, std::size_t x, std::size_t c) {
        return (y * 37 + x * 11 + c * 101 + x * y * 3) % 256;
    };
    double worst = 0;
    for (const auto& [in_h, in_w] : {std::pair{9u, 7u}, {31u, 33u}, {8u, 40u}, {1u, 1u}, {1u, 9u}})
        for (const auto& [h, w] : {std::pair{8u, 8u}, {7u, 9u}, {1u, 1u}, {33u, 31u}, {4u, 16u}}) {
            const Pixels in = picture(in_h, in_w, 3, value), out = resize_and_crop(in, h, w);
            REQUIRE((out.height == h && out.width == w && out.channels == 3));
            if (in_h == h && in_w == w) continue;
            for (std::size_t y = 0; y < h; ++y)
                for (std::size_t x = 0; x < w; ++x)
                    for (std::size_t c = 0; c < 3; ++c)
                        worst = support::larger(worst, std::abs(out.at(y, x)[c] - twin(in, h, w, y, x, c)));
        }
    CHECK(worst < 0.501);
}

TEST_CASE("resize_and_crop: the same size gives the same image, and a uniform colour is kept") {
    const Pixels in = picture(5, 6, 3, [](std::size_t y, std::size_t x, std::size_t c) { return y * 40 + x * 7 + c; });
    CHECK(resize_and_crop(in, 5, 6).values == in.values);
    for (const unsigned v : {0u, 1u, 128u, 255u}) {
        const Bytes out = resize_and_crop(picture(17, 23, 1, [&](auto...) { return v; }), 6, 9).values;
        CHECK(std::ranges::count(out, v) == 54);
    }
}

TEST_CASE("resize_and_crop: keeps the middle and crops both ends equally") {
    const Pixels wide = picture(4, 12, 1, [](std::size_t, std::size_t x, std::size_t) {
        return x < 4 ? 0 : x < 8 ? 100 : 200;
    });
    const Bytes out = resize_and_crop(wide, 4, 4).values;
    CHECK(std::ranges::count(out, 100) == 16);
    const Pixels tall = picture(12, 4, 1, [](std::size_t y, std::size_t, std::size_t) {
        return y < 4 ? 0 : y < 8 ? 100 : 200;
    });
    CHECK(std::ranges::count(resize_and_crop(tall, 4, 4).values, 100) == 16);
}

TEST_CASE("resize_and_crop: an image or a size without pixels is refused") {
    const auto refused = [](std::size_t in_h, std::size_t in_w, std::size_t h, std::size_t w) {
        return support::message<ArgumentError>([&] {
            static_cast<void>(resize_and_crop(Pixels{in_h, in_w, 1, Bytes(in_h * in_w)}, h, w));
        });
    };
    CHECK(refused(0, 3, 2, 2) == "resize_and_crop: image: expected at least 1 x 1, got 0 x 3");
    CHECK(refused(3, 0, 2, 2) == "resize_and_crop: image: expected at least 1 x 1, got 3 x 0");
    CHECK(refused(3, 3, 0, 2) == "resize_and_crop: size: expected at least 1 x 1, got 0 x 2");
    CHECK(refused(3, 3, 2, 0) == "resize_and_crop: size: expected at least 1 x 1, got 2 x 0");
}
