#pragma once
// The coded data of a JPEG: its bits, and its Huffman codes (ITU-T T.81, annexes B and C).

#include <tessera/files/bytes.hpp>

#include <array>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::image::detail {

/// The bits of coded data, highest first: FF 00 is a byte FF, other markers end the data.
class JpegBits {
public:
    JpegBits(ByteView file, std::size_t at, std::size_t end) : file_{file}, at_{at}, end_{end} {}

    unsigned bit() {
        if (left_ == 0) next_byte();
        return byte_ >> --left_ & 1u;
    }
    unsigned bits(unsigned n) {
        unsigned value = 0;
        for (; n > 0; --n) value = value << 1 | bit();
        return value;
    }
    /// Whether bits were read that are not there; they are zeros.
    bool past_end() const { return past_end_; }
    std::size_t position() const { return at_; }

    /// Moves past the next restart marker; false where there is none.
    bool restart() {
        left_ = 0;
        std::size_t at = at_;
        while (at < end_ && file_[at] == 0xFF) ++at;
        if (at == at_ || at >= end_ || file_[at] < 0xD0 || file_[at] > 0xD7) return false;
        at_ = at + 1;
        return true;
    }

private:
    void next_byte() {
        left_ = 8;
        byte_ = 0;
        if (at_ >= end_) {
            past_end_ = true;
            return;
        }
        byte_ = file_[at_];
        std::size_t next = at_ + 1;
        if (byte_ == 0xFF) {
            while (next < end_ && file_[next] == 0xFF) ++next;  // fill bytes
            past_end_ = past_end_ || next >= end_ || file_[next] != 0;
            if (past_end_) {
                byte_ = 0;
                return;
            }
            ++next;
        }
        at_ = next;
    }

    ByteView file_;
    std::size_t at_, end_;
    unsigned byte_ = 0, left_ = 0;
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
            index += table[i];
            code = (code + table[i]) << 1;
        }
    }
    /// The next symbol, or 256 where the bits are no code.
    unsigned decode(JpegBits& in) const {
        unsigned code = 0;
        for (std::size_t i = 0; i < 16; ++i) {
            code = code << 1 | in.bit();
            if (code >= first_[i] && code - first_[i] < count_[i]) return symbols_[index_[i] + code - first_[i]];
        }
        return 256;
    }

private:
    ByteView symbols_{};
    std::array<unsigned, 16> count_{}, first_{}, index_{};
};

}  // namespace tessera::image::detail
