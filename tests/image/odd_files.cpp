// The corpus of make_odd_files.py. The tolerances are those of the script: 0 for PNG, 1 where transparent pixels are
// blended and for gray JPEG, 3 for colour JPEG (the difference of 1 of the inverse DCT, multiplied by the colour
// matrix), 4 where chroma is interpolated.

#include <tessera/image/decode_image.hpp>

#include <doctest/doctest.h>

#include <image/odd_files.hpp>
#include <support/message.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

using namespace tessera;
using support::contains;
using support::message;

namespace {

/// The largest difference of a byte, or 256 where the sizes differ.
int largest_difference(const samples::OddFile& f, const image::Pixels& image) {
    if (image.height != f.height || image.width != f.width || image.values.size() != f.pixels.size()) return 256;
    int most = 0;
    for (std::size_t i = 0; i < f.pixels.size(); ++i) most = (std::max)(most, std::abs(image.values[i] - f.pixels[i]));
    return most;
}

}  // namespace

TEST_CASE("odd files: each file that can be decoded gives the pixels that Pillow gives") {
    std::size_t decoded = 0;
    std::map<int, std::map<int, int>> histogram;
    for (const samples::OddFile& f : samples::odd_files()) {
        if (!f.error.empty()) continue;
        image::Pixels image;
        const std::string text =
            message<Error>([&] { image = image::decode_image(f.file, f.channels, f.name, {}, f.options); });
        CHECK_MESSAGE(text == "", f.name);
        if (!text.empty()) continue;
        const int difference = largest_difference(f, image);
        ++histogram[f.tolerance][difference];
        CHECK_MESSAGE(difference <= f.tolerance, f.name, ": largest difference ", difference);
        ++decoded;
    }
    if (std::getenv("ODD_HISTOGRAM"))
        for (const auto& [t, h] : histogram)
            for (const auto& [d, n] : h) MESSAGE("tolerance ", t, " difference ", d, " files ", n);
    CHECK(decoded > 400);
}

TEST_CASE("odd files: each file that must be refused gives its reason") {
    std::size_t refused = 0;
    for (const samples::OddFile& f : samples::odd_files()) {
        if (f.error.empty()) continue;
        const std::string text =
            message<FormatError>([&] { static_cast<void>(image::decode_image(f.file, 3, f.name, {}, f.options)); });
        CHECK_MESSAGE(contains(text, f.error), f.name, ": expected \"", f.error, "\", got \"", text, "\"");
        CHECK_MESSAGE(text.starts_with(f.name + " @"), text);
        ++refused;
    }
    CHECK(refused > 30);
}
