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

TEST_CASE("CheckResult: prints what was not checked where every rule holds") {
    std::ostringstream good, bad;
    good << CheckResult{"", "steps (the layer has none)"};
    bad << CheckResult{"forward: y[3]", "steps (the layer has none)"};
    CHECK(good.str() == "every rule holds; not checked: steps (the layer has none)");
    CHECK(bad.str() == "forward: y[3]");
}
