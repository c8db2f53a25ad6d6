#include <tessera/data/check_jpeg.hpp>

#include <doctest/doctest.h>

#include <data/jpeg_samples.hpp>
#include <support/message.hpp>

#include <string>

using namespace tessera;
using support::contains;
using support::message;

namespace {
std::string reason(ByteView file, const Limits& limits = {}) {
    return message<FormatError>([&] { data::check_jpeg(file, "x.jpg", limits); });
}
/// The progressive sample with one byte of its frame header changed: SOF stands at 89.
std::string with(std::size_t at, unsigned char value) {
    Bytes file = samples::progressive_jpeg();
    REQUIRE((file[89] == 0xFF && file[90] == 0xC2));
    file[at] = value;
    return reason(file);
}
}  // namespace

TEST_CASE("check_jpeg: a sound file passes, with filling and with bytes after its end") {
    Bytes file = samples::progressive_jpeg();
    CHECK(reason(file).empty());
    file.resize(file.size() + 10);
    CHECK(reason(file).empty());
    file.insert(file.begin() + 2, 3, 0xFF);
    CHECK(reason(file).empty());
}

TEST_CASE("check_jpeg: truncated anywhere is an error") {
    const Bytes good = samples::progressive_jpeg();
    std::size_t missed = 0;
    for (std::size_t length = 0; length < good.size(); ++length)
        missed += reason(ByteView{good}.first(length)).empty();
    CHECK(missed == 0);
}

TEST_CASE("check_jpeg: what is not read is refused with its reason") {
    CHECK(contains(with(90, 0xC3), "lossless, hierarchical or arithmetic coding"));
    CHECK(contains(with(90, 0xC9), "lossless, hierarchical or arithmetic coding"));
    CHECK(contains(with(93, 12), "bits of a sample: expected 8, got 12"));
    CHECK(contains(with(98, 4), "components: expected 1 (gray) or 3 (no CMYK), got 4"));
    CHECK(contains(with(94, 0xFF), "16 x 65288 is more than the limits"));
    CHECK(contains(with(97, 0), "image: 0 x 8 pixels"));
    CHECK(contains(with(2, 0), "not a JPEG"));
    CHECK(contains(with(4, 0xFF), "the file ends early"));
    CHECK(contains(with(89, 0), "expected a marker, got 0"));
    CHECK(contains(with(90, 0xD8), "a marker in the wrong place"));
    CHECK(contains(with(90, 0xFE), "image data before the frame header"));
    CHECK(contains(with(92, 7), "a second or a short frame header"));
    CHECK(contains(reason(Bytes{0xFF, 0xD8, 0xFF, 0xD9}), "there is no image in it"));
}

TEST_CASE("check_jpeg: scans are counted") {
    CHECK(contains(reason(samples::progressive_jpeg(), {.jpeg_scans = 5}), "more than 5 scans"));
    CHECK(reason(samples::progressive_jpeg(), {.jpeg_scans = 6}).empty());
}
