#include <tessera/core/number_text.hpp>

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

using tessera::number_text;

namespace number_text_test {

TEST_CASE("number_text: the shortest text that reads back as the same number") {
    CHECK(number_text(0.1f) == "0.1");
    CHECK(number_text(0.1) == "0.1");
    CHECK(number_text(0.25) == "0.25");
    CHECK(number_text(1.0) == "1");
    CHECK(number_text(-1e-5) == "-1e-05");
    CHECK(number_text(1.0 / 3) == "0.3333333333333333");
    for (const double x : {1.0 / 3, 2e-308, 4.9e-324, 1.7976931348623157e308, -0.1, 123456789.123})
        CHECK(std::strtod(number_text(x).c_str(), nullptr) == x);
    for (const float x : {1.f / 3, 1e-45f, 3.4028235e38f, 16777217.f})
        CHECK(std::strtof(number_text(x).c_str(), nullptr) == x);
}

TEST_CASE("number_text: infinities and NaN are written by name") {
    CHECK(number_text(std::numeric_limits<float>::infinity()) == "inf");
    CHECK(number_text(-std::numeric_limits<double>::infinity()) == "-inf");
    CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("number_text: does not depend on the locale's decimal point") {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    for (const char* locale : {"de_DE.UTF-8", "fr_FR.UTF-8", "C"})
        if (std::setlocale(LC_ALL, locale)) CHECK(number_text(0.5) == "0.5");
    std::setlocale(LC_ALL, before.c_str());
}

}  // namespace number_text_test
