#include <tessera/train/recent_norms.hpp>

#include <doctest/doctest.h>

#include <cstdint>

using namespace tessera;

TEST_CASE("RecentNorms: nothing is usual before eight norms are known") {
    RecentNorms recent;
    for (std::uint64_t update = 0; update < 7; ++update) {
        recent.add(update, 2);
        CHECK(recent.median() == 0);
    }
    recent.add(7, 2);
    CHECK(recent.median() == 2);
}

TEST_CASE("RecentNorms: the median is not moved by outliers, and forgets norms after 32 updates") {
    RecentNorms recent;
    std::uint64_t update = 0;
    for (int i = 1; i <= 9; ++i) recent.add(update++, i);
    CHECK(recent.median() == 5);
    recent.add(update++, 1e30);
    CHECK(recent.median() == 6);
    for (int i = 0; i < 32; ++i) recent.add(update++, 0.5);
    CHECK(recent.median() == 0.5);
}
