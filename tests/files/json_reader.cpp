#include <tessera/files/json_reader.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <string>
#include <string_view>

using namespace tessera;
using io::JsonReader;
using support::message;

namespace {
JsonReader reader(std::string_view text) { return {io::as_bytes(text), "x", 100}; }

/// The string that the JSON text encodes, or the error message.
std::string text_of(std::string_view json) {
    std::string value;
    const std::string error = message<FormatError>([&] { value = reader(json).string("s"); });
    return error.empty() ? value : error;
}
std::string number_of(std::string_view json) {
    std::uint64_t value = 0;
    const std::string error = message<FormatError>([&] { value = reader(json).number("n"); });
    return error.empty() ? std::to_string(value) : error;
}
}  // namespace

TEST_CASE("JsonReader: escapes are decoded, including surrogate pairs") {
    CHECK(text_of(R"("a\"\\\/\b\f\n\r\tz")") == "a\"\\/\b\f\n\r\tz");
    CHECK(text_of(R"("\u0041\u00e9\u20AC\ud83d\uDE00")") == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(text_of("\"\xF0\x9F\x98\x80\"") == "\xF0\x9F\x98\x80");
    CHECK(text_of(R"("a\u0000b")") == std::string("a\0b", 3));
}

TEST_CASE("JsonReader: an unpaired surrogate is an error at any position") {
    for (const std::string_view json : {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\n")",
                                        R"("\ud83d\u0041")", R"("\ud83d\ud83d\ude00")", R"("\udbff\ue000")"}) {
        CAPTURE(json);
        CHECK(text_of(json).ends_with("JSON: an unpaired surrogate in s"));
    }
}

TEST_CASE("JsonReader: malformed strings are errors") {
    CHECK(text_of("\"abc") == "x @104: JSON: the header ends in s");
    CHECK(text_of("\"a\\") == "x @103: JSON: the header ends in s");
    CHECK(text_of("\"\\u00") == "x @105: JSON: the header ends in s");
    CHECK(text_of({"\"a\0b\"", 5}) == "x @103: JSON: a control character in s");
    CHECK(text_of("\"a\nb\"") == "x @103: JSON: a control character in s");
    CHECK(text_of(R"("\x41")") == "x @103: JSON: an invalid escape in s");
    CHECK(text_of(R"("\u00g1")") == "x @106: JSON: an invalid escape in s");
    CHECK(text_of("'a'") == "x @100: JSON: expected '\"', got ''' in s");
    CHECK(text_of("\"a\xFF\"") == "x @102: invalid UTF-8");
}

TEST_CASE("JsonReader: numbers are integers up to 2^64 - 1, in digits only") {
    CHECK(number_of(" 0") == "0");
    CHECK(number_of("10]") == "10");
    CHECK(number_of("18446744073709551615") == "18446744073709551615");
    CHECK(number_of("18446744073709551616") == "x @119: number: more than 2^64 - 1 in n");
    CHECK(number_of("99999999999999999999999") == "x @119: number: more than 2^64 - 1 in n");
    CHECK(number_of("00") == "x @101: number: a leading zero in n");
    CHECK(number_of("007") == "x @101: number: a leading zero in n");
    CHECK(number_of("-1") == "x @100: number: expected digits, got '-' in n");
    CHECK(number_of("") == "x @100: number: expected digits, got the end in n");
}

TEST_CASE("JsonReader: skips white space, and tells NUL bytes from the end") {
    JsonReader r = reader(" \t\r\n{ } ");
    r.expect('{', "s");
    CHECK(!r.accept(']'));
    CHECK(r.accept('}'));
    CHECK_NOTHROW(r.expect_end());
    CHECK(message<FormatError>([] {
              reader(std::string_view{"\0", 1}).expect_end();
          }) == "x @100: JSON: expected the end of the header, got '\\x00'");
}
