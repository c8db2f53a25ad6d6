#include <tessera/core/shuffle.hpp>

#include <doctest/doctest.h>
#include <support/chi_square.hpp>
#include <support/mismatch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

using namespace tessera;

TEST_CASE("shuffle: every order of four is equally likely") {
    std::array<int, 4> order{0, 1, 2, 3};
    std::vector<std::array<int, 4>> orders;
    do orders.push_back(order);
    while (std::next_permutation(order.begin(), order.end()));
    Rng rng{3};
    std::vector<std::size_t> counts(24);
    for (int i = 0; i < 24000; ++i) {
        std::array<int, 4> x{0, 1, 2, 3};
        detail::shuffle(std::span<int>{x}, rng);
        ++counts[static_cast<std::size_t>(std::ranges::find(orders, x) - orders.begin())];
    }
    CHECK(support::chi_square(counts, std::vector<double>(24, 1. / 24)) < 60);  // 23 degrees of freedom
}

TEST_CASE("shuffle: the order is that of the generator's numbers, from the last element to the first") {
    std::array<int, 5> x{0, 1, 2, 3, 4}, y = x;
    Rng rng{7}, same{7};
    detail::shuffle(std::span<int>{x}, rng);
    for (std::size_t i = 5; i > 1; --i) std::swap(y[i - 1], y[same.below(static_cast<std::uint32_t>(i))]);
    CHECK(support::equal_values(y, x));
    CHECK(rng.position() == same.position());
}

TEST_CASE("shuffle: no element and one element take no random number") {
    std::array<int, 1> one{5};
    Rng rng{1};
    detail::shuffle(std::span<int>{}, rng);
    detail::shuffle(std::span<int>{one}, rng);
    CHECK(one[0] == 5);
    CHECK(rng.position() == 0);
}
