#include <tessera/image/inflate.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>

#include <array>
#include <span>
#include <string>

using namespace tessera;
using image::inflate;
using samples::from_hex;
using support::message;

namespace {

/// The decompressed stream, of at most `most` bytes.
Bytes inflated(ByteView stream, std::size_t most = 70000) {
    Bytes out(most);
    std::size_t written = 0;
    const image::Inflated result = inflate(stream, out, written, "x", 0);
    REQUIRE((result.complete && result.consumed <= stream.size()));
    out.resize(written);
    return out;
}
std::string inflate_reason(ByteView stream) {
    return message<FormatError>([&] { inflated(stream); });
}
Bytes text(std::string_view t) { return Bytes(t.begin(), t.end()); }

}  // namespace

TEST_CASE("inflate: decodes stored blocks of any length") {
    for (const std::size_t size : {0u, 1u, 99u, 65535u, 65536u}) {
        Bytes data(size);
        for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<unsigned char>(i * 31 >> 3);
        CHECK(inflated(samples::stored(data)) == data);
        CHECK(inflated(samples::stored(data, 1000)) == data);
    }
}

TEST_CASE("inflate: decodes fixed codes, and copies that overlap themselves") {
    CHECK(inflated(from_hex("0300")).empty());
    CHECK(inflated(from_hex("4b4c840100")) == text("aaaaaaaaaa"));
    CHECK(inflated(from_hex("cb48cdc9c957c840903a104a1100")) == text("hello hello hello, hello!"));
    Bytes pairs;
    for (int i = 0; i < 600; ++i) samples::append(pairs, text("ab"));
    CHECK(inflated(from_hex("4b4c4a1c85a370148ec2210101")) == pairs);
}

TEST_CASE("inflate: decodes dynamic codes") { CHECK(inflated(samples::deflated_squares()) == samples::squares()); }

TEST_CASE("inflate: reports how much of the input the stream occupies") {
    for (Bytes stream : {samples::deflated_squares(), samples::stored(samples::squares()), from_hex("4b4c840100")}) {
        const std::size_t length = stream.size();
        stream.resize(length + 20, 0xAA);
        Bytes out(600);
        std::size_t written = 0;
        CHECK(inflate(stream, out, written, "x", 0).consumed == length);
    }
}

TEST_CASE("inflate: never writes beyond the output") {
    support::Mismatch wrong;
    for (const Bytes& stream : {samples::deflated_squares(), samples::stored(samples::squares())})
        for (std::size_t room = 0; room <= 600; ++room) {
            Bytes out(room + 1, 0xEE);
            std::size_t written = 0;
            const bool complete = inflate(stream, std::span{out}.first(room), written, "x", 0).complete;
            const Bytes whole = samples::squares();
            wrong.compare(room, written, "written, room ", room);
            wrong.compare(room == 600, complete, "complete, room ", room);
            wrong.compare(std::span{whole}.first(room), std::span{out}.first(room), "bytes, room ", room);
            wrong.compare(0xEE, out[room], "past the end, room ", room);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("inflate: a stream that ends early is an error at every length") {
    for (const Bytes& stream : {samples::deflated_squares(), samples::stored(samples::squares(), 100),
                                from_hex("cb48cdc9c957c840903a104a1100")})
        for (std::size_t length = 0; length < stream.size(); ++length) {
            const std::string told = inflate_reason(ByteView{stream}.first(length));
            if (!told.ends_with("deflate: the stream ends early")) CHECK(told == std::to_string(length));
        }
}

TEST_CASE("inflate: no flipped bit causes harm") {
    const Bytes good = samples::deflated_squares();
    Bytes out(600);
    std::size_t written = 0, refused = 0;
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Bytes bad = good;
        bad[bit / 8] ^= static_cast<unsigned char>(1 << bit % 8);
        refused += !message<FormatError>([&] { inflate(bad, out, written, "x", 0); }).empty();
        if (written > 600) CHECK(written == 0);
    }
    CHECK(refused > 0);
}

TEST_CASE("inflate: each kind of malformed stream has its message") {
    CHECK(inflate_reason(from_hex("07")) == "x @1: deflate: invalid block type 3");
    CHECK(inflate_reason(from_hex("0101000000")) ==
          "x @1: deflate: the length of a stored block and its complement do not match");
    CHECK(inflate_reason(from_hex("030200")).ends_with("deflate: distance too far back"));
    CHECK(inflate_reason(from_hex("1b0300")).ends_with("deflate: invalid length code"));
    CHECK(inflate_reason(from_hex("4b043e00")).ends_with("deflate: invalid code"));
    CHECK(inflate_reason(from_hex("fdffffff")).ends_with("deflate: too many length or distance symbols"));
    CHECK(inflate_reason(from_hex("05e09324499224499224")).ends_with("deflate: over-subscribed code lengths"));
}

TEST_CASE("inflate: offsets are those of the file, also where the stream is in pieces of it") {
    const std::array<image::StreamPiece, 3> pieces{{{0, 100}, {1, 200}, {3, 300}}};
    const image::StreamOffsets offsets{std::span<const image::StreamPiece>{pieces}};
    CHECK(offsets(0) == 100);
    CHECK(offsets(1) == 200);
    CHECK(offsets(2) == 201);
    CHECK(offsets(9) == 306);
    CHECK(image::StreamOffsets{7}(3) == 10);
    Bytes out(600);
    std::size_t written = 0;
    CHECK(message<FormatError>([&] { inflate(from_hex("07"), out, written, "x", offsets, 2); }) ==
          "x @300: deflate: invalid block type 3");
}
