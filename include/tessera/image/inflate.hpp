#pragma once
// inflate: decompresses a raw DEFLATE stream (RFC 1951), the core of gzip and PNG.
//
//     block = final bit, type: 0 stored | 1 fixed codes | 2 codes that precede the data
//     codes 0..255 a byte, 256 the end, 257..285 a length: copy that many bytes from a distance back
//
// Each alphabet becomes one table of 2^(longest code) entries, symbol << 4 | length, indexed by the next bits. The
// library has its own decoder, because stb's does not report where a stream ended, which gzip files with several
// members need, and does not verify checksums.
//
// Errors   FormatError (FormatCode::deflate) with the offset in the file
// Cost     two tables of at most 64 KiB, rebuilt for each block; the output belongs to the caller

#include <tessera/files/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::image {

/// The largest number of bytes that one byte of a DEFLATE stream can produce: four copies of 258 bytes, each from a
/// length code of one bit and a distance code of one bit.
inline constexpr std::size_t max_inflate_ratio = 1032;

/// Where the bytes of a stream are in the file, for the offsets in messages: from one offset on, or in pieces.
struct StreamPiece {
    std::size_t in_stream = 0;  ///< position of the piece's first byte in the stream
    std::uint64_t in_file = 0;  ///< and in the file
};
class StreamOffsets {
public:
    constexpr StreamOffsets(std::uint64_t start) : start_{start} {}  // not explicit: most streams are in one piece
    /// `pieces` in the order of the stream, the first at position 0.
    constexpr explicit StreamOffsets(std::span<const StreamPiece> pieces) : pieces_{pieces} {}

    constexpr std::uint64_t operator()(std::size_t position) const {
        std::uint64_t offset = start_ + position;
        for (const StreamPiece& piece : pieces_)
            if (piece.in_stream <= position) offset = piece.in_file + (position - piece.in_stream);
        return offset;
    }

private:
    std::uint64_t start_ = 0;
    std::span<const StreamPiece> pieces_{};
};

namespace detail {

/// The bits of a byte stream, lowest first.
class BitReader {
public:
    BitReader(ByteView in, std::string_view name, StreamOffsets offsets, std::size_t start = 0)
        : in_{in}, name_{name}, offsets_{offsets}, start_{start} {}

    /// At least 48 bits, padded with zeros after the end of the stream, which `drop` detects.
    std::uint64_t peek() {
        while (count_ <= 56 && at_ < in_.size()) {
            bits_ |= std::uint64_t{in_[at_++]} << count_;
            count_ += 8;
        }
        return bits_;
    }
    void drop(unsigned n) {
        if (n > count_) fail("deflate: the stream ends early");
        bits_ >>= n;
        count_ -= n;
    }
    std::uint32_t take(unsigned n) {
        const auto value = static_cast<std::uint32_t>(peek() & ((std::uint64_t{1} << n) - 1));
        drop(n);
        return value;
    }
    /// Advances to the next whole byte and returns the rest of the stream, of which no bits are buffered afterwards.
    ByteView rest() {
        at_ -= count_ / 8;
        bits_ = count_ = 0;
        return in_.subspan(at_);
    }
    void skip_bytes(std::size_t n) { at_ += n; }
    std::size_t position() const { return at_ - count_ / 8; }
    [[gnu::__noreturn__]] void fail(std::string_view what) const {
        malformed(FormatCode::deflate, name_, offsets_(start_ + position()), what);
    }

private:
    ByteView in_;
    std::string_view name_;
    StreamOffsets offsets_;
    std::size_t start_;  // of the DEFLATE stream in the stream that the offsets are about
    std::size_t at_ = 0;
    std::uint64_t bits_ = 0;
    unsigned count_ = 0;
};

/// A canonical prefix code. An entry of 0 marks bits that do not begin a code.
class PrefixCode {
public:
    void build(std::span<const std::uint8_t> lengths, const BitReader& in) {
        std::array<std::uint32_t, 16> count{}, next{};
        for (const std::uint8_t l : lengths) ++count[l];
        longest_ = 15;
        while (longest_ > 1 && count[longest_] == 0) --longest_;
        count[0] = 0;
        std::uint32_t code = 0;
        for (unsigned l = 1; l <= longest_; ++l) {
            next[l] = code = (code + count[l - 1]) << 1;
            if (code + count[l] > (1u << l)) in.fail("deflate: over-subscribed code lengths");
        }
        table_.assign(std::size_t{1} << longest_, 0);
        for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
            const unsigned l = lengths[symbol];
            if (l == 0) continue;
            std::uint32_t reversed = 0, c = next[l]++;
            for (unsigned i = 0; i < l; ++i, c >>= 1) reversed = reversed << 1 | (c & 1);
            for (std::size_t i = reversed; i < table_.size(); i += std::size_t{1} << l)
                table_[i] = static_cast<std::uint16_t>(symbol << 4 | l);
        }
    }
    unsigned decode(BitReader& in) const {
        const unsigned entry = table_[in.peek() & (table_.size() - 1)];
        if (entry == 0) in.fail("deflate: invalid code");
        in.drop(entry & 15);
        return entry >> 4;
    }

private:
    std::vector<std::uint16_t> table_;
    unsigned longest_ = 0;
};

struct DeflateCodes {
    PrefixCode symbols, distances;

    void read_fixed(const BitReader& in) {
        std::array<std::uint8_t, 288> lengths;
        for (std::size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
        symbols.build(lengths, in);
        lengths.fill(5);
        distances.build(std::span{lengths}.first(30), in);
    }
    void read_dynamic(BitReader& in) {
        static constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
        const std::size_t n_symbols = in.take(5) + 257, n_distances = in.take(5) + 1, n_lengths = in.take(4) + 4;
        if (n_symbols > 286 || n_distances > 30) in.fail("deflate: too many length or distance symbols");
        std::array<std::uint8_t, 19> first{};
        for (std::size_t i = 0; i < n_lengths; ++i) first[order[i]] = static_cast<std::uint8_t>(in.take(3));
        symbols.build(first, in);
        std::array<std::uint8_t, 286 + 30> lengths{};
        for (std::size_t i = 0; i < n_symbols + n_distances;) {
            const unsigned symbol = symbols.decode(in);
            if (symbol < 16) {
                lengths[i++] = static_cast<std::uint8_t>(symbol);
                continue;
            }
            if (symbol == 16 && i == 0) in.fail("deflate: repeat code without a previous length");
            const std::uint8_t value = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
            const std::size_t times = symbol == 16 ? 3 + in.take(2) : symbol == 17 ? 3 + in.take(3) : 11 + in.take(7);
            if (times > n_symbols + n_distances - i) in.fail("deflate: too many code lengths");
            for (std::size_t k = 0; k < times; ++k) lengths[i++] = value;
        }
        if (lengths[256] == 0) in.fail("deflate: missing end-of-block code");
        symbols.build(std::span{lengths}.first(n_symbols), in);
        distances.build(std::span{lengths}.subspan(n_symbols, n_distances), in);
    }
};

inline constexpr std::array<std::uint16_t, 29> length_base{
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
inline constexpr std::array<std::uint8_t, 29> length_bits{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
inline constexpr std::array<std::uint16_t, 30> distance_base{
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
}  // namespace detail

struct Inflated {
    std::size_t consumed = 0;  // length of the stream in bytes
    bool complete = false;     // false: the output is full but the stream has not ended
};

/// Inflates the stream at the beginning of `in` into `out` and stops where a byte does not fit. `written` receives the
/// number of bytes written, also where it throws. Offsets in messages are those of the byte at `start` of `offsets`.
inline Inflated inflate(ByteView in, std::span<unsigned char> out, std::size_t& written, std::string_view name,
                        StreamOffsets offsets, std::size_t start = 0) {
    detail::BitReader bits{in, name, offsets, start};
    detail::DeflateCodes codes;
    written = 0;
    for (bool last = false; !last;) {
        last = bits.take(1) != 0;
        const std::uint32_t type = bits.take(2);
        if (type == 3) bits.fail("deflate: invalid block type 3");
        if (type == 0) {
            const ByteView rest = bits.rest();
            if (rest.size() < 4) bits.fail("deflate: the stream ends early");
            const std::size_t length = rest[0] | std::size_t{rest[1]} << 8;
            if ((length ^ 0xFFFF) != (rest[2] | std::size_t{rest[3]} << 8))
                bits.fail("deflate: the length of a stored block and its complement do not match");
            if (rest.size() - 4 < length) bits.fail("deflate: the stream ends early");
            const std::size_t fits = (std::min)(length, out.size() - written);
            if (fits != 0) std::memcpy(out.data() + written, rest.data() + 4, fits);
            written += fits;
            if (fits < length) return {bits.position(), false};
            bits.skip_bytes(4 + length);
            continue;
        }
        if (type == 1)
            codes.read_fixed(bits);
        else
            codes.read_dynamic(bits);
        for (unsigned symbol; (symbol = codes.symbols.decode(bits)) != 256;) {
            if (symbol < 256) {
                if (written == out.size()) return {bits.position(), false};
                out[written++] = static_cast<unsigned char>(symbol);
                continue;
            }
            if (symbol > 285) bits.fail("deflate: invalid length code");
            const std::size_t length = detail::length_base[symbol - 257] + bits.take(detail::length_bits[symbol - 257]);
            const unsigned d = codes.distances.decode(bits);
            const std::size_t distance = detail::distance_base[d] + bits.take(d < 4 ? 0 : d / 2 - 1);
            if (distance > written) bits.fail("deflate: distance too far back");
            const std::size_t fits = (std::min)(length, out.size() - written);
            for (std::size_t i = 0; i < fits; ++i, ++written) out[written] = out[written - distance];
            if (fits < length) return {bits.position(), false};
        }
    }
    return {bits.position(), true};
}

}  // namespace tessera::image
