#pragma once
// RangeDecoder: the inverse of RangeEncoder: bytes to symbols.
//
//     value = decoder.value(total);                      the symbol whose frequencies contain it is the next one
//     decoder.accept({start, size, total});
//     decoder.finish();                                  after the last symbol
//
// Only bytes that a RangeEncoder has written are accepted: a value beyond every symbol, bytes that are missing or left
// over, and an end other than the encoder's are errors. So the symbols of accepted bytes encode to the same bytes.
// Bytes that are missing are noticed when they are needed: after two bytes too few, not after the last symbol.
//
// Errors   ArgumentError where total is not 1 to 2^32, and where an accepted symbol does not contain the value or has
//          no frequencies of an encoder; FormatError, with the code size where bytes are missing or left over, and
//          checksum where no encoder writes them
// Cost     two divisions for each symbol; nothing is allocated

#include <tessera/codec/range_encoder.hpp>
#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::codec {

class RangeDecoder {
public:
    /// `name` and `offset`, of the first byte in its file, are for messages; the memory of both arguments must live as
    /// long as the decoder.
    explicit RangeDecoder(ByteView bytes, std::string_view name = "RangeDecoder", std::uint64_t offset = 0)
        : bytes_{bytes}, name_{name}, offset_{offset} {
        for (int i = 0; i < 8; ++i) code_ = code_ << 8 | next();
    }

    /// Where the next symbol is: a number in 0 .. total - 1.
    [[nodiscard]] std::uint64_t value(std::uint64_t total) {
        if (total == 0 || total > RangeEncoder::most_total)
            throw ArgumentError("RangeDecoder: total: " + expected_got("1 to 2^32", std::to_string(total)));
        const std::uint64_t value = code_ / (range_ / total);
        if (value >= total) refuse(FormatCode::checksum, "symbol: expected a value that an encoder writes");
        return value;
    }
    /// The symbol that contains the value.
    void accept(const SymbolRange& symbol) {
        check_symbol(symbol, "RangeDecoder: symbol: ");
        const std::uint64_t share = range_ / symbol.total, start = share * symbol.start, size = share * symbol.size;
        if (code_ < start || code_ - start >= size)
            throw ArgumentError(
                "RangeDecoder: symbol: " +
                expected_got("frequencies that contain the value " + std::to_string(code_ / share),
                             std::to_string(symbol.start) + " to " + std::to_string(symbol.start + symbol.size - 1)));
        code_ -= start;
        range_ = size;
        while (range_ < RangeEncoder::least_range) {
            code_ = code_ << 8 | next();
            range_ <<= 8;
        }
        if (written() > bytes_.size())
            refuse(FormatCode::size, "bytes of the symbols: " + expected_got("at least " + std::to_string(written()),
                                                                             std::to_string(bytes_.size())));
    }
    void finish() const {
        if (written() != bytes_.size())
            refuse(FormatCode::size, "bytes of the symbols: " + expected_got(written(), bytes_.size()));
        if (code_ >= RangeEncoder::least_range) refuse(FormatCode::checksum, "last byte: expected the encoder's");
    }

private:
    // An encoder has written a byte for each of those that were shifted out, and will write one more.
    std::size_t written() const { return at_ - 7; }
    // Zeros follow the end.
    std::uint64_t next() {
        const std::size_t i = at_++;
        return i < bytes_.size() ? bytes_[i] : 0u;
    }
    [[gnu::__noreturn__]] void refuse(FormatCode code, std::string_view what) const {
        malformed(code, name_, offset_ + (at_ < bytes_.size() ? at_ : bytes_.size()), what);
    }

    ByteView bytes_;
    std::string_view name_;
    std::uint64_t offset_;
    std::size_t at_ = 0;  // bytes read, zeros past the end included
    std::uint64_t code_ = 0, range_ = ~std::uint64_t{0};
};

}  // namespace tessera::codec
