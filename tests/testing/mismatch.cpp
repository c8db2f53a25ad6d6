#include <support/bits.hpp>
#include <support/mismatch.hpp>

#include <tessera/core/label.hpp>

#include <doctest/doctest.h>

#include <tbb/task_arena.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using support::first_difference;
using support::Mismatch;

TEST_CASE("first_difference: names the element, or the values, or the sizes") {
    const std::vector<float> a{1, 2, 3}, b{1, 2, 4};
    CHECK(first_difference(a, a) == "");
    CHECK(first_difference(a, std::span{b}) == "element 2: expected 3, got 4");
    CHECK(first_difference(a, std::span{b}.first(2)) == "size: expected 3, got 2");
    CHECK(first_difference(std::vector<std::uint8_t>{7}, std::vector<int>{8}) == "element 0: expected 7, got 8");
    CHECK(first_difference(1, 2u) == "expected 1, got 2");
    CHECK(first_difference(0.25, 0.25f) == "");
    CHECK(first_difference(true, false) == "expected true, got false");
    CHECK(first_difference(std::nan(""), std::nan("")) == "expected nan, got nan");
}

TEST_CASE("equal_values: true where values agree, and the first difference as text") {
    const auto text = [](const support::Comparison& c) { return (std::ostringstream{} << c).str(); };
    CHECK(support::equal_values(std::vector{1, 2}, std::vector{1u, 2u}));
    CHECK(text(support::equal_values(1, 1)) == "no difference");
    const auto differs = support::equal_values(std::vector{1, 2, 3}, std::vector{1, 2, 4});
    CHECK_FALSE(differs);
    CHECK(text(differs) == "element 2: expected 3, got 4");
    CHECK(text(support::equal_values("a", std::string{"b"})) == "expected \"a\", got \"b\"");
    CHECK(text(support::equal_values(std::pair{1, 2.5}, std::pair{1, 3.5})) == "expected (1, 2.5), got (1, 3.5)");
    CHECK(text(support::equal_values(tessera::Label{3}, tessera::Label{4})) == "expected 3, got 4");
}

TEST_CASE("same_for_threads: names the number of threads that changes a value") {
    const auto limit = [] { return tbb::this_task_arena::max_concurrency(); };
    CHECK(support::same_for_threads([] { return 7; }));
    const auto same = support::same_for_threads(limit);
    CHECK_FALSE(same);
    CHECK((std::ostringstream{} << same).str() == "2 threads: expected 1, got 2");
}

TEST_CASE("Mismatch: keeps the first case that fails, with its name") {
    Mismatch wrong;
    for (int n = 0; n < 5; ++n) {
        wrong.compare(n, n, "equal, n = ", n);
        wrong.compare(std::vector{0, n}, std::vector{0, n < 3 ? n : 9}, "y, n = ", n);
        wrong.require(n < 4, "n < 4, n = ", n);
    }
    CHECK(wrong.first() == "y, n = 3, element 1: expected 3, got 9");
}

TEST_CASE("Mismatch: conditions, bits and differences that were found elsewhere") {
    Mismatch condition, bits, added;
    condition.require(true, "first");
    CHECK(condition.first() == "");
    condition.require(false, "second, flag ", true);
    CHECK(condition.first() == "second, flag true: expected true, got false");
    bits.compare_bits(std::nanf(""), std::nanf(""), "nan");
    CHECK(bits.first() == "");
    bits.compare_bits(0.f, -0.f, "zero");
    CHECK(bits.first() == "zero: expected 0, got -0");
    added.add("", "nothing");
    CHECK(added.first() == "");
    added.add("expected a, got b", "n = ", 1);
    CHECK(added.first() == "n = 1: expected a, got b");
}
