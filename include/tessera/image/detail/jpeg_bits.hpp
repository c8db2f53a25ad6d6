#pragma once
// The coded data of a JPEG: its bits, and its Huffman codes (ITU-T T.81, annexes B and C). A 64-bit buffer and a table
// for codes of up to 9 bits, because every JPEG is walked before it is decoded.

#include <tessera/files/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::image::detail {

/// The bits of coded data, highest first: FF 00 is a byte FF, other markers end the data. Bits past the end are zeros.
class JpegBits {
public:
    JpegBits(ByteView file, std::size_t at, std::size_t end) : file_{file}, start_{at}, at_{at}, end_{end} {}

    /// The next 16 bits, which are not taken.
    unsigned next_16() {
        if (count_ < 16) refill();
        return static_cast<unsigned>(buffer_ >> 48);
    }
    /// Takes n <= 16 bits.
    void skip(unsigned n) {
        if (n > count_) refill();
        if (n > count_) {
            past_end_ = true;
            n = count_;
        }
        buffer_ <<= n;
        count_ -= n;
    }
    unsigned bits(unsigned n) {
        const unsigned value = next_16() >> (16 - n);
        skip(n);
        return value;
    }
    /// Whether bits were taken that are not there.
    bool past_end() const { return past_end_; }

    /// The offset in the file past the last byte of which a bit was taken.
    std::size_t position() const {
        std::size_t at = at_;
        for (unsigned unread = count_ / 8; unread > 0; --unread) {
            --at;
            if (file_[at] == 0)
                while (at > start_ && file_[at - 1] == 0xFF) --at;  // FF 00, perhaps with fill bytes
        }
        return at;
    }
    /// Continues with the byte at this offset.
    void go_to(std::size_t at) {
        start_ = at_ = at;
        buffer_ = 0;
        count_ = 0;
    }

private:
    void refill() {
        while (count_ <= 56 && at_ < end_) {
            const unsigned char byte = file_[at_];
            std::size_t next = at_ + 1;
            if (byte == 0xFF) {
                while (next < end_ && file_[next] == 0xFF) ++next;  // fill bytes
                if (next >= end_ || file_[next] != 0) return;
                ++next;
            }
            buffer_ |= std::uint64_t{byte} << (56 - count_);
            count_ += 8;
            at_ = next;
        }
    }

    ByteView file_;
    std::size_t start_, at_, end_;
    std::uint64_t buffer_ = 0;
    unsigned count_ = 0;  // bits in the buffer
    bool past_end_ = false;
};

/// A canonical Huffman code from its 16 counts and its symbols.
class JpegCode {
public:
    JpegCode() = default;
    explicit JpegCode(ByteView table) {
        if (table.size() < 16) return;
        symbols_ = table.subspan(16);
        for (unsigned code = 0, index = 0, i = 0; i < 16; ++i) {
            count_[i] = table[i];
            first_[i] = code;
            index_[i] = index;
            for (unsigned k = 0; i < fast_bits && k < table[i]; ++k)
                for (unsigned rest = 0; rest < 1u << (fast_bits - 1 - i); ++rest)
                    fast_[((code + k) << (fast_bits - 1 - i)) + rest] =
                        static_cast<std::uint16_t>((i + 1) << 8 | symbols_[index + k]);
            index += table[i];
            code = (code + table[i]) << 1;
        }
    }
    /// The next symbol, or 256 where the bits are no code.
    unsigned decode(JpegBits& in) const {
        const unsigned bits = in.next_16();
        if (const unsigned found = fast_[bits >> (16 - fast_bits)]) {
            in.skip(found >> 8);
            return found & 255;
        }
        for (unsigned i = fast_bits; i < 16; ++i) {
            const unsigned code = bits >> (15 - i);
            if (code < first_[i] || code - first_[i] >= count_[i]) continue;
            in.skip(i + 1);
            return symbols_[index_[i] + code - first_[i]];
        }
        in.skip(16);
        return 256;
    }

private:
    static constexpr unsigned fast_bits = 9;

    ByteView symbols_{};
    std::array<unsigned, 16> count_{}, first_{}, index_{};
    std::array<std::uint16_t, 1u << fast_bits> fast_{};  // length << 8 | symbol; 0: no code of up to 9 bits
};

}  // namespace tessera::image::detail
