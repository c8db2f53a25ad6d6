#include <tessera/testing/check_result.hpp>

#include <doctest/doctest.h>

#include <sstream>

using tessera::testing::CheckResult;

TEST_CASE("CheckResult: true without a message, false with one, and it prints itself") {
    std::ostringstream good, bad;
    good << CheckResult{};
    bad << CheckResult{"forward: y[3]"};
    CHECK(CheckResult{});
    CHECK_FALSE(CheckResult{"forward: y[3]"});
    CHECK(good.str() == "every rule holds");
    CHECK(bad.str() == "forward: y[3]");
}
