#include <tessera/kernel/unroll.hpp>

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace kernel = tessera::kernel;

TEST_CASE("unroll: calls with 0 .. N - 1 in order, each a constant") {
    std::vector<std::size_t> seen;
    kernel::unroll<5>([&](auto i) {
        const std::array<int, i + 1> constant{};
        seen.push_back(constant.size() - 1);
    });
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3, 4});
    kernel::unroll<0>([&](auto) { seen.clear(); });
    CHECK(seen.size() == 5);
}
