#include <tessera/core/require_option.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

using namespace tessera;

TEST_CASE("require_option: names the class, the option, what is expected and the value") {
    require_option(true, {"AdamW", "beta1", "a number in [0, 1)"}, 0.5);
    CHECK(support::message<ArgumentError>([] {
              require_option(false, {"AdamW", "beta1", "a number in [0, 1)"}, 1.5);
          }) == "AdamW: beta1: expected a number in [0, 1), got 1.5");
}
