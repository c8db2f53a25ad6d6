#include <tessera/codec/range_encoder.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/codec/range_decoder.hpp>
#include <tessera/core/rng.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace tessera;
using namespace tessera::codec;

namespace range_encoder_test {

namespace {

// Symbols of random totals, often with a probability near 1 and often at the upper end, where carries come from.
std::vector<SymbolRange> symbols(std::size_t count, std::uint64_t seed) {
    Rng rng{seed};
    std::vector<SymbolRange> all;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t total = std::uint64_t{1} + (rng.bits() >> rng.below(32));
        const std::uint64_t size = 1 + (rng.below(2) ? rng.bits() : rng.bits() >> rng.below(32)) % total;
        const std::uint64_t start = rng.below(2) ? total - size : rng.bits() % (total - size + 1);
        all.push_back({start, size, total});
    }
    return all;
}
Bytes encoded(const std::vector<SymbolRange>& all) {
    RangeEncoder encoder;
    for (const SymbolRange& s : all) encoder.encode(s);
    return encoder.finish();
}
double bits(const std::vector<SymbolRange>& all) {
    double sum = 0;
    for (const SymbolRange& s : all) sum += std::log2(static_cast<double>(s.total) / static_cast<double>(s.size));
    return sum;
}

}  // namespace

TEST_CASE("RangeEncoder: the decoder finds every symbol, whatever its frequencies") {
    support::Mismatch wrong;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        const auto all = symbols(seed % 97, seed);
        const Bytes bytes = encoded(all);
        RangeDecoder decoder{bytes};
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::uint64_t value = decoder.value(all[i].total);
            wrong.require(value >= all[i].start && value < all[i].start + all[i].size, "seed ", seed, ", symbol ", i,
                          ": value ", value);
            decoder.accept(all[i]);
        }
        decoder.finish();
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("RangeEncoder: writes the bits of the symbols and at most one byte more") {
    support::Mismatch wrong;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const auto all = symbols(seed % 7 * 300, seed);
        const double length = 8 * static_cast<double>(encoded(all).size()), least = bits(all);
        wrong.require(length >= least - 1e-6 && length <= least + 8 + 1e-3, "seed ", seed, ": ", least, " bits in ",
                      length);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("RangeEncoder: the bytes are those of the definition") {
    CHECK(encoded({}) == Bytes{0});
    // halves: the bits themselves, from the first
    std::vector<SymbolRange> halves;
    for (const std::uint64_t bit : {1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1}) halves.push_back({bit, 1, 2});
    CHECK(encoded(halves).front() == 0b10110010);
    CHECK(encoded(halves).size() == 3);  // 16 bits in a range slightly below 1, and the last byte
    // a carry through bytes of 255: the last third of the last third ... of the lower half, then its upper end
    std::vector<SymbolRange> carried{{0, 1, 2}};
    for (int i = 0; i < 200; ++i) carried.push_back({2, 1, 3});
    const Bytes bytes = encoded(carried);
    CHECK(bytes.front() == 0x7F);
    RangeDecoder decoder{bytes};
    for (const SymbolRange& s : carried) {
        REQUIRE(decoder.value(s.total) == s.start);
        decoder.accept(s);
    }
    decoder.finish();
}

TEST_CASE("RangeEncoder: begins again after finish") {
    const auto all = symbols(50, 3);
    RangeEncoder encoder;
    for (int pass = 0; pass < 2; ++pass) {
        for (const SymbolRange& s : all) encoder.encode(s);
        CHECK(encoder.finish() == encoded(all));
    }
}

TEST_CASE("RangeEncoder: a symbol outside its total is an error") {
    for (const SymbolRange& s : {SymbolRange{0, 0, 4}, SymbolRange{4, 1, 4}, SymbolRange{3, 2, 4}, SymbolRange{0, 1, 0},
                                 SymbolRange{~std::uint64_t{0}, 2, 4}, SymbolRange{0, 1, (std::uint64_t{1} << 32) + 1}})
        CHECK(
            support::contains(support::message<ArgumentError>([&] { RangeEncoder{}.encode(s); }),
                              "RangeEncoder: symbol: expected start + size of at most total, size of at least 1, total "
                              "of at most 2^32, got " +
                                  std::to_string(s.start) + ", "));
}

}  // namespace range_encoder_test
