#include <tessera/files/utf8.hpp>

#include <doctest/doctest.h>

using namespace tessera;

namespace {
std::size_t bad(std::string_view text) { return io::first_invalid_utf8(io::as_bytes(text)); }
}  // namespace

TEST_CASE("utf8: every valid code point is accepted and round-trips") {
    bool good = true;
    std::size_t length = 0;
    for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c >= 0xD800 && c < 0xE000) continue;
        std::string text;
        io::append_utf8(text, c);
        good = good && bad(text) == text.size();
        length += text.size();
    }
    CHECK(good);
    CHECK(length == 128 + 2 * (0x800 - 0x80) + 3 * (0x10000 - 0x800 - 0x800) + 4 * (0x110000 - 0x10000));
}

TEST_CASE("utf8: invalid sequences are found, with their position") {
    for (const std::string_view tail :
         {"\xFF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF",
          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xE2\x28\xA1",
          "\xE2\x82\x28", "\xF0\x9F\x98\x28", "\xF0\x9F\x28\x80"}) {
        CAPTURE(tail);
        CHECK(bad(tail) == 0);
        CHECK(bad("ab\xC3\xA9" + std::string{tail}) == 4);
    }
}

TEST_CASE("printable: control characters are escaped, long names are cut between characters") {
    CHECK(io::printable("a\nb\x7F\xC3\xA9") == "a\\x0ab\\x7f\xC3\xA9");
    std::string name(99, 'x');
    name += "\xC3\xA9 and more";
    CHECK(io::printable(name) == std::string(99, 'x') + "\xC3\xA9...");
}
