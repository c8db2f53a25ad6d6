#include <tessera/image/orient.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <string>
#include <tuple>

using namespace tessera;
using image::Pixels;

namespace {
/// 2 rows of 3 pixels: abc / def, as rows of text; with 3 channels each letter thrice.
std::string turned(unsigned orientation, std::size_t channels) {
    Pixels image{2, 3, channels, {}};
    for (const char c : std::string{"abcdef"})
        image.values.insert(image.values.end(), channels, static_cast<unsigned char>(c));
    const Pixels out = image::orient(image, orientation);
    std::string text;
    for (std::size_t y = 0; y < out.height; ++y, text += '/')
        for (std::size_t x = 0; x < out.width; ++x) {
            text += static_cast<char>(out.at(y, x)[0]);
            for (std::size_t c = 1; c < channels; ++c)
                if (out.at(y, x)[c] != out.at(y, x)[0]) return "channels are torn apart";
        }
    return text;
}
}  // namespace

TEST_CASE("orient: each of the eight orientations, for one and three channels") {
    for (const std::size_t channels : {1u, 3u}) {
        CHECK(turned(1, channels) == "abc/def/");
        CHECK(turned(2, channels) == "cba/fed/");
        CHECK(turned(3, channels) == "fed/cba/");
        CHECK(turned(4, channels) == "def/abc/");
        CHECK(turned(5, channels) == "ad/be/cf/");
        CHECK(turned(6, channels) == "da/eb/fc/");
        CHECK(turned(7, channels) == "fc/eb/da/");
        CHECK(turned(8, channels) == "cf/be/ad/");
    }
}

TEST_CASE("orient: another number is an error") {
    for (const unsigned o : {0u, 9u})
        CHECK(support::message<ArgumentError>([&] { std::ignore = image::orient(Pixels{}, o); }) ==
              "orient: orientation: expected 1 to 8, got " + std::to_string(o));
}
