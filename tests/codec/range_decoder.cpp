#include <tessera/codec/range_decoder.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/core/rng.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace tessera;
using namespace tessera::codec;

namespace range_decoder_test {

namespace {

constexpr std::uint64_t sizes[]{1, 200, 3, 52};  // of 256
SymbolRange symbol(std::uint64_t value) {
    std::uint64_t start = 0;
    for (const std::uint64_t size : sizes) {
        if (value < start + size) return {start, size, 256};
        start += size;
    }
    return {};
}
// The symbols of any bytes, encoded again; throws what the decoder throws.
Bytes again(ByteView bytes, std::size_t count) {
    RangeDecoder decoder{bytes, "file", 100};
    RangeEncoder encoder;
    for (std::size_t i = 0; i < count; ++i) {
        const SymbolRange s = symbol(decoder.value(256));
        decoder.accept(s);
        encoder.encode(s);
    }
    decoder.finish();
    return encoder.finish();
}
Bytes valid(std::size_t count) {
    Rng rng{1};
    RangeEncoder encoder;
    for (std::size_t i = 0; i < count; ++i) encoder.encode(symbol(rng.below(256)));
    return encoder.finish();
}

}  // namespace

TEST_CASE("RangeDecoder: what it accepts encodes to the same bytes; every other byte string is a FormatError") {
    support::Mismatch wrong;
    const Bytes good = valid(40);
    wrong.compare(good, again(good, 40), "the encoder's bytes");
    int accepted = 0, refused = 0;
    Rng rng{2};
    for (int i = 0; i < 20'000; ++i) {
        Bytes bytes = good;
        for (std::uint32_t changes = 1 + rng.below(3); changes > 0; --changes)
            bytes[rng.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<unsigned char>(rng.bits());
        try {
            wrong.compare(bytes, again(bytes, 40), "variant ", i);
            ++accepted;
        } catch (const FormatError&) {
            ++refused;
        }
    }
    CHECK(wrong.first() == "");
    CHECK(accepted > 0);
    CHECK(refused > 0);
}

TEST_CASE("RangeDecoder: missing and surplus bytes are errors of code size, with their position") {
    const Bytes good = valid(40);
    support::Mismatch wrong;
    for (std::size_t size = 0; size < good.size(); ++size) {
        const std::string message =
            support::message<FormatError>([&] { static_cast<void>(again(ByteView{good}.first(size), 40)); });
        wrong.require(!message.empty() && !support::contains(message, "another error"), "cut to ", size, ": ", message);
    }
    CHECK(wrong.first() == "");
    Bytes longer = good;
    longer.push_back(0);
    const std::string n = std::to_string(good.size()), more = std::to_string(good.size() + 1);
    CHECK(support::message<FormatError>([&] { static_cast<void>(again(longer, 40)); }) ==
          "file @" + std::to_string(100 + good.size() + 1) + ": bytes of the symbols: expected " + n + ", got " + more);
    try {
        static_cast<void>(again(longer, 40));
    } catch (const FormatError& e) {
        CHECK(e.code() == FormatCode::size);
    }
}

TEST_CASE("RangeDecoder: a symbol that does not contain the value, or that no encoder takes, is an error") {
    RangeEncoder encoder;
    encoder.encode({1, 200, 256});
    const Bytes bytes = encoder.finish();
    const auto refusal = [&](const SymbolRange& s) {
        RangeDecoder decoder{bytes, "file"};
        const std::uint64_t value = decoder.value(256);
        CHECK(value == 1);
        return support::message<ArgumentError>([&] { decoder.accept(s); });
    };
    CHECK(refusal({1, 200, 256}) == "");
    CHECK(refusal({2, 200, 256}) ==
          "RangeDecoder: symbol: expected frequencies that contain the value 1, got 2 to 201");
    CHECK(refusal({0, 1, 256}) == "RangeDecoder: symbol: expected frequencies that contain the value 1, got 0 to 0");
    const std::string sizes_of =
        "RangeDecoder: symbol: expected start + size of at most total, size of at least 1, total "
        "of at most 2^32, got ";
    CHECK(refusal({1, 0, 256}) == sizes_of + "1, 0 and 256");
    CHECK(refusal({1, 256, 256}) == sizes_of + "1, 256 and 256");
    CHECK(refusal({1, 1, 0}) == sizes_of + "1, 1 and 0");
    CHECK(refusal({1, 1, (std::uint64_t{1} << 32) + 1}) == sizes_of + "1, 1 and 4294967297");
}

TEST_CASE("RangeDecoder: bytes that are missing are noticed when they are needed") {
    const Bytes two(2, 0x55);
    RangeDecoder decoder{two, "file"};
    std::size_t symbols = 0;
    const std::string text = support::message<FormatError>([&] {
        for (; symbols < 3136; ++symbols) {
            const std::uint64_t value = decoder.value(256);
            decoder.accept({value, 1, 256});
        }
    });
    CHECK(text == "file @2: bytes of the symbols: expected at least 3, got 2");
    CHECK(symbols < 4);  // of 8 bits each
}

TEST_CASE("RangeDecoder: a value past every symbol and an end that no encoder writes are errors") {
    const Bytes ones(12, 0xFF);
    RangeDecoder past{ones, "file"};
    CHECK(support::message<FormatError>([&] { static_cast<void>(past.value(3)); }) ==
          "file @8: symbol: expected a value that an encoder writes");
    // one symbol of probability 1/256: the encoder ends with the smallest byte in it
    RangeEncoder encoder;
    encoder.encode({1, 200, 256});
    Bytes bytes = encoder.finish();
    REQUIRE(bytes.size() == 1);
    bytes[0] = static_cast<unsigned char>(bytes[0] + 1);  // in the symbol, but not the smallest
    RangeDecoder decoder{bytes, "file"};
    CHECK(decoder.value(256) == 2);
    decoder.accept({1, 200, 256});
    CHECK(support::message<FormatError>([&] { decoder.finish(); }) == "file @1: last byte: expected the encoder's");
    CHECK(support::message<ArgumentError>([&] { static_cast<void>(decoder.value(0)); }) ==
          "RangeDecoder: total: expected 1 to 2^32, got 0");
}

}  // namespace range_decoder_test
