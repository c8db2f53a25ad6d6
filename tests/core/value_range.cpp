#include <tessera/core/value_range.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <limits>

using namespace tessera;
using support::message;

TEST_CASE("ValueRange: [0, 1] by default; an empty, reversed or infinite range is refused") {
    constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const auto refused = [](const ValueRange& range) {
        return message<ArgumentError>([&] { range.check_valid("here"); });
    };
    CHECK((refused({}) == "" && ValueRange{}.low == 0 && ValueRange{}.high == 1 && ValueRange{}.width() == 1));
    CHECK(refused({-1, 1}) == "");
    CHECK(refused({0, 255}) == "");
    CHECK(refused({1, 0}) == "here: range: expected low < high, both finite, got 1 to 0");
    CHECK(refused({0.1f, 0.1f}) == "here: range: expected low < high, both finite, got 0.1 to 0.1");
    CHECK(refused({-inf, 1}) == "here: range: expected low < high, both finite, got -inf to 1");
    CHECK(refused({0, nan}) == "here: range: expected low < high, both finite, got 0 to nan");
    CHECK(refused({-3e38f, 3e38f}).starts_with("here: range: expected low < high"));
}
