#include <tessera/kernel/simd/round_up.hpp>

#include <doctest/doctest.h>

namespace kernel = tessera::kernel;

TEST_CASE("ceil_div, round_up: the smallest multiple that is not below n") {
    static_assert(kernel::ceil_div(0, 8) == 0 && kernel::ceil_div(1, 8) == 1);
    static_assert(kernel::ceil_div(8, 8) == 1 && kernel::ceil_div(9, 8) == 2);
    static_assert(kernel::round_up(0, 8) == 0 && kernel::round_up(1, 8) == 8);
    static_assert(kernel::round_up(8, 8) == 8 && kernel::round_up(9, 8) == 16);
    CHECK(kernel::round_up(17, 1) == 17);
}
