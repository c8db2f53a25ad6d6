#pragma once
// JsonReader: a pull parser for the subset of JSON (RFC 8259) that a safetensors header uses.
//
// The caller states what must come next, so the nesting depth is bounded by the caller's code: nothing recurses, and no
// number is converted to a double on the way.
//
// Errors   FormatError with the offset in the file, where the text is not valid UTF-8 or not what the caller expects
// Cost     linear in the text; allocates only the strings that it returns

#include <tessera/files/bytes.hpp>
#include <tessera/files/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::io {

class JsonReader {
public:
    /// `text` is at `offset` in the file called `name`, which begins every message.
    JsonReader(ByteView text, std::string_view name, std::uint64_t offset) : text_{text}, name_{name}, offset_{offset} {
        if (const std::size_t bad = first_invalid_utf8(text); bad != text.size()) {
            at_ = bad;
            fail("invalid UTF-8", FormatCode::utf8);
        }
    }

    std::uint64_t offset() const { return offset_ + at_; }
    [[gnu::__noreturn__]] void fail(std::string_view what, FormatCode code = FormatCode::json) const {
        malformed(code, name_, offset(), what);
    }

    /// The next character that is not white space, which is not consumed; 0 at the end.
    unsigned char next() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
            ++at_;
        return at_ < text_.size() ? text_[at_] : 0;
    }
    void expect(char c, std::string_view where) {
        if (next() != static_cast<unsigned char>(c))
            fail("JSON: " + expected_got(std::string{'\'', c, '\''}, found()) + " in " + std::string{where});
        ++at_;
    }
    bool accept(char c) {
        if (next() != static_cast<unsigned char>(c)) return false;
        ++at_;
        return true;
    }
    void expect_end() {
        if (next() != 0 || at_ != text_.size()) fail("JSON: " + expected_got("the end of the header", found()));
    }

    /// A string with its escapes decoded. It may have NUL characters, which JSON allows: the caller decides.
    std::string string(std::string_view where) {
        expect('"', where);
        std::string value;
        while (true) {
            const unsigned char c = take(where);
            if (c == '"') return value;
            if (c < 0x20) fail("JSON: a control character in " + std::string{where});
            if (c != '\\')
                value += static_cast<char>(c);
            else
                escape(value, where);
        }
    }

    /// An integer up to 2^64 - 1 in digits only: no sign, fraction, exponent or leading zero.
    std::uint64_t number(std::string_view where) {
        const unsigned char first = next();
        if (first < '0' || first > '9')
            fail("number: " + expected_got("digits", found()) + " in " + std::string{where}, FormatCode::number);
        std::uint64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const std::uint64_t digit = text_[at_] - std::uint64_t{'0'};
            if (value > (~std::uint64_t{0} - digit) / 10)
                fail("number: more than 2^64 - 1 in " + std::string{where}, FormatCode::number);
            if (value == 0 && first == '0' && at_ > 0 && text_[at_ - 1] == '0')
                fail("number: a leading zero in " + std::string{where}, FormatCode::number);
            value = value * 10 + digit;
        }
        return value;
    }

private:
    std::string found() const {
        if (at_ == text_.size()) return "the end";
        std::size_t end = at_ + 1;  // the whole character: a part of one would make the message invalid UTF-8
        while (end < text_.size() && (text_[end] & 0xC0) == 0x80) ++end;
        std::string text = "'";
        text += printable({reinterpret_cast<const char*>(text_.data()) + at_, end - at_});
        text += '\'';
        return text;
    }
    unsigned char take(std::string_view where) {
        if (at_ == text_.size()) fail("JSON: the header ends in " + std::string{where});
        return text_[at_++];
    }
    std::uint32_t hex4(std::string_view where) {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i) {
            const unsigned char c = take(where);
            const unsigned lower = c | 0x20u;
            if (c >= '0' && c <= '9')
                value = value << 4 | (c - unsigned{'0'});
            else if (lower >= 'a' && lower <= 'f')
                value = value << 4 | (lower - 'a' + 10);
            else
                fail("JSON: an invalid escape in " + std::string{where});
        }
        return value;
    }
    void escape(std::string& value, std::string_view where) {
        const unsigned char c = take(where);
        constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
        if (const std::size_t i = from.find(static_cast<char>(c)); i != from.npos) {
            value += to[i];
            return;
        }
        if (c != 'u') fail("JSON: an invalid escape in " + std::string{where});
        std::uint32_t code = hex4(where);
        if (code >= 0xD800 && code < 0xDC00 && take(where) == '\\' && take(where) == 'u') {
            const std::uint32_t second = hex4(where);
            if (second < 0xDC00 || second > 0xDFFF) fail("JSON: an unpaired surrogate in " + std::string{where});
            code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
        }
        if (code >= 0xD800 && code < 0xE000) fail("JSON: an unpaired surrogate in " + std::string{where});
        append_utf8(value, code);
    }

    ByteView text_;
    std::string_view name_;
    std::uint64_t offset_;
    std::size_t at_ = 0;
};

}  // namespace tessera::io
