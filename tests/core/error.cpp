#include <tessera/core/error.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <stdexcept>
#include <string>

namespace ts = tessera;

TEST_CASE_TEMPLATE("Error: each class is caught as Error and as std::runtime_error, with its message", E,
                   ts::ArgumentError, ts::IoError, ts::DataError, ts::StateError, ts::NumericError,
                   ts::CommunicationError) {
    static_assert(std::derived_from<E, ts::Error> && std::derived_from<ts::Error, std::runtime_error>);
    const std::string text = "load: weight: " + ts::expected_got("3x4", "4x3");
    std::string caught;
    try {
        throw E(text);
    } catch (const ts::Error& e) {
        caught = e.what();
    }
    CHECK(caught == "load: weight: expected 3x4, got 4x3");
}

TEST_CASE("Error: expected_got writes numbers in decimal") {
    CHECK(ts::expected_got(std::size_t{16}, std::size_t{17}) == "expected 16, got 17");
}

TEST_CASE("Error: path, offset and code are available without parsing the message") {
    const ts::FormatError format{ts::FormatCode::dtype, "a.safetensors @9: dtype", "a.safetensors", 9};
    CHECK((format.code() == ts::FormatCode::dtype && format.path() == "a.safetensors" && format.offset() == 9));
    const ts::IoError io{"write_file: b: No space left on device", "b", 28};
    CHECK((io.path() == "b" && io.reason() == 28));
    static_assert(std::derived_from<ts::FormatError, ts::Error> && std::derived_from<ts::IoError, ts::Error>);
}
