#pragma once
// RangeEncoder: an entropy coder: symbols with integer frequencies to bytes.
//
//     symbol with the frequencies [start, start + size) of total:   r = range / total
//     low = low + r start,   range = r size,   a byte of low is written while range < 2^56
//                              (range coding: Martin 1979; Schindler 1998; the carry of low runs into bytes written)
//
// A symbol costs log2(total / size) bits, plus less than total / 2^56 of the rest of a division; the end costs at most
// one byte. All arithmetic is on integers, so the bytes are the same on every machine. RangeDecoder is the inverse.
//
// Errors   ArgumentError where start + size exceeds total, size is 0, or total exceeds 2^32
// Cost     one division for each symbol; the bytes grow in a vector

#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace tessera::inline TESSERA_ABI::codec {

/// The frequencies of one symbol: [start, start + size) of 0 .. total - 1.
struct SymbolRange {
    std::uint64_t start = 0, size = 1, total = 1;
};

/// `where` begins the message.
inline void check_symbol(const SymbolRange& symbol, const char* where) {
    if (symbol.total > std::uint64_t{1} << 32 || symbol.size == 0 || symbol.size > symbol.total ||
        symbol.start > symbol.total - symbol.size)
        throw ArgumentError(where +
                            expected_got("start + size of at most total, size of at least 1, total of at most 2^32",
                                         std::to_string(symbol.start) + ", " + std::to_string(symbol.size) + " and " +
                                             std::to_string(symbol.total)));
}

class RangeEncoder {
public:
    void encode(const SymbolRange& symbol) {
        check_symbol(symbol, "RangeEncoder: symbol: ");
        const std::uint64_t share = range_ / symbol.total, before = low_;
        low_ += share * symbol.start;
        range_ = share * symbol.size;
        if (low_ < before) carry();
        while (range_ < least_range) {
            bytes_.push_back(static_cast<unsigned char>(low_ >> 56));
            low_ <<= 8;
            range_ <<= 8;
        }
    }

    /// The bytes of all symbols; the encoder then begins again. They end with the one byte that, followed by zeros, is
    /// the smallest number in the last range.
    [[nodiscard]] Bytes finish() {
        const std::uint64_t before = low_;
        low_ += least_range - 1;  // less than range_
        if (low_ < before) carry();
        bytes_.push_back(static_cast<unsigned char>(low_ >> 56));
        Bytes done;
        done.swap(bytes_);
        low_ = 0;
        range_ = ~std::uint64_t{0};
        return done;
    }

    static constexpr std::uint64_t most_total = std::uint64_t{1} << 32;
    static constexpr std::uint64_t least_range = std::uint64_t{1} << 56;

private:
    // The number so far is below 1, so some byte before is not 255.
    void carry() {
        std::size_t i = bytes_.size();
        do ++bytes_[--i];
        while (bytes_[i] == 0);
    }

    Bytes bytes_;
    std::uint64_t low_ = 0, range_ = ~std::uint64_t{0};
};

}  // namespace tessera::codec
