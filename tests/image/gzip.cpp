#include <tessera/image/gzip.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>

#include <cstddef>
#include <span>

using namespace tessera;
using support::contains;
using support::message;

namespace {

const Bytes squares = samples::squares();
Bytes member(unsigned flags = 0) { return samples::gzip(samples::deflated_squares(), squares, flags); }

/// The decompressed content of `size` bytes, or the error message.
std::string gzip_reason(ByteView file, std::size_t size = 600) {
    return message<FormatError>([&] {
        Bytes out(size);
        image::gunzip(file, out, "x.gz");
    });
}
Bytes unpacked(ByteView file, std::size_t size) {
    Bytes out(size);
    image::gunzip(file, out, "x.gz");
    return out;
}

}  // namespace

TEST_CASE("gunzip: accepts every combination of optional header fields") {
    for (unsigned flags = 0; flags < 32; ++flags) {
        CAPTURE(flags);
        CHECK(unpacked(member(flags), 600) == squares);
    }
}

TEST_CASE("gunzip: concatenates several members, including an empty one") {
    Bytes file = member(), twice = squares;
    samples::append(file, samples::gzip(samples::stored({}), {}));
    samples::append(file, member(8));
    samples::append(twice, squares);
    CHECK(unpacked(file, 1200) == twice);
    CHECK(unpacked(samples::gzip(samples::stored({}), {}), 0).empty());
}

TEST_CASE("gunzip: ignores bytes after the last member, but not a member that is missing") {
    Bytes file = member();
    for (const Bytes& surplus : {Bytes(1), Bytes(500), Bytes{'x'}, Bytes{0x1F}, Bytes{0x1F, 0x8C, 8}}) {
        Bytes longer = file;
        samples::append(longer, surplus);
        CHECK(unpacked(longer, 600) == squares);
        CHECK(contains(gzip_reason(longer, 1200), "gzip content: expected 1200, got 600 bytes"));
    }
}

TEST_CASE("gunzip_start: decompresses the first bytes only, and ignores what follows") {
    Bytes out(16);
    CHECK(image::gunzip_start(ByteView{member()}.first(60), out, "x.gz") == 16);
    CHECK(support::equal_values(std::span{squares}.first(16), out));
    CHECK(image::gunzip_start(samples::gzip(samples::stored({}), {}), out, "x.gz") == 0);
}

TEST_CASE("gunzip_start: continues in the next member where one is shorter than the output") {
    Bytes expected(squares.begin(), squares.begin() + 16), out(16);
    for (const std::size_t first : {0u, 1u, 15u, 16u}) {
        const auto at = squares.begin() + static_cast<std::ptrdiff_t>(first);
        Bytes file = samples::gzip_stored(Bytes(squares.begin(), at));
        samples::append(file, samples::gzip(samples::stored({}), {}));
        samples::append(file, samples::gzip_stored(Bytes(at, squares.end())));
        out.assign(16, 0);
        CHECK(image::gunzip_start(file, out, "x.gz") == 16);
        CHECK(out == expected);
    }
    Bytes padded = samples::gzip_stored(Bytes(squares.begin(), squares.begin() + 5));
    padded.resize(padded.size() + 40);  // no member
    CHECK(image::gunzip_start(padded, out, "x.gz") == 5);
    CHECK(image::gunzip_start(ByteView{padded}.first(padded.size() - 44), out, "x.gz") == 5);  // a cut checksum
}

TEST_CASE("gunzip_start: reads a thousand members, so that millions of empty ones do not take minutes") {
    const Bytes empty = samples::gzip(samples::stored({}), {});
    for (const std::size_t members : {999u, 1000u}) {
        Bytes file, out(16);
        for (std::size_t i = 0; i < members; ++i) samples::append(file, empty);
        samples::append(file, member());
        CHECK(image::gunzip_start(file, out, "x.gz") == (members < 1000 ? 16u : 0u));
    }
}

TEST_CASE("gunzip_at_least: the content may be longer than expected, as far as there is room, and not shorter") {
    Bytes out(1000);
    CHECK(image::gunzip_at_least(600, member(), out, "x.gz") == 600);
    CHECK(image::gunzip_at_least(5, member(), out, "x.gz") == 600);
    Bytes twice = member();
    samples::append(twice, member());
    CHECK(message<FormatError>([&] {
              static_cast<void>(image::gunzip_at_least(700, member(), out, "x.gz"));
          }).ends_with("gzip content: expected 700, got 600 bytes"));
    CHECK(contains(message<FormatError>([&] { static_cast<void>(image::gunzip_at_least(600, twice, out, "x.gz")); }),
                   "gzip: holds more than the expected 600 bytes"));
}

TEST_CASE("gunzip: a file truncated anywhere, or with a flipped bit in a checksum, is an error") {
    const Bytes good = member(31);
    std::size_t missed = 0;
    for (std::size_t length = 0; length < good.size(); ++length)
        missed += gzip_reason(ByteView{good}.first(length)).empty();
    CHECK(missed == 0);
    for (std::size_t bit = 0; bit < 64; ++bit) {
        Bytes bad = good;
        bad[good.size() - 8 + bit / 8] ^= static_cast<unsigned char>(1 << bit % 8);
        missed += gzip_reason(bad).empty();
    }
    CHECK(missed == 0);
    for (std::size_t at = 28; at < good.size() - 9; ++at) {  // the data; the last byte has unused bits
        Bytes bad = good;
        bad[at] ^= 0x04;
        missed += gzip_reason(bad).empty();
    }
    CHECK(missed == 0);
}

TEST_CASE("gunzip: each error gives the reason and the offset") {
    CHECK(gzip_reason(Bytes{}) == "x.gz @0: gzip: the header ends early");
    Bytes bad = member();
    bad[0] = 0;
    CHECK(gzip_reason(bad) == "x.gz @0: gzip: not the start of a member");
    bad = member();
    bad[2] = 9;
    CHECK(gzip_reason(bad) == "x.gz @2: gzip method: expected 8, got 9");
    bad = member();
    bad[3] = 0x80;
    CHECK(gzip_reason(bad) == "x.gz @3: gzip: reserved flags are set");
    bad = member(2);
    bad[4] ^= 1;
    CHECK(gzip_reason(bad) == "x.gz @10: gzip: the header's checksum is wrong");
    bad = member();
    bad[bad.size() - 8] ^= 1;
    CHECK(gzip_reason(bad) == "x.gz @130: gzip: the checksum of the data is wrong");
    bad = member();
    bad[bad.size() - 4] ^= 1;
    CHECK(gzip_reason(bad) == "x.gz @134: gzip length: expected 601, got 600");
    bad = member();
    samples::append(bad, Bytes{0x1F, 0x8B});
    CHECK(gzip_reason(bad) == "x.gz @140: gzip: the header ends early");
    CHECK(contains(gzip_reason(member(), 599), "gzip: holds more than the expected 599 bytes"));
    CHECK(contains(gzip_reason(member(), 601), "gzip content: expected 601, got 600 bytes"));
}

TEST_CASE("gunzip: a decompression bomb stops at the end of the output") {
    Bytes stream = samples::from_hex("edc13101000000c2a0f54f6d0d0fa0");  // 100,000 zeros in 114 bytes
    stream.resize(111);
    samples::append(stream, samples::from_hex("805703"));
    const Bytes zeros(100'000);
    CHECK(unpacked(samples::gzip(stream, zeros), zeros.size()) == zeros);
    CHECK(contains(gzip_reason(samples::gzip(stream, zeros), 10), "gzip: holds more than the expected 10 bytes"));
}
