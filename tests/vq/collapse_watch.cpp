#include <tessera/vq/collapse_watch.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

#include <cmath>

using namespace tessera;
using support::message;

TEST_CASE("CollapseWatch: reports a collapse once, at the step that completes it") {
    CollapseWatch watch{11, {.below = 0.2, .steps = 3}};
    CHECK(watch.limit() == 3);
    CHECK((!watch.add(2.9) && !watch.add(1) && !watch.collapsed() && watch.low_steps() == 2));
    CHECK((watch.add(2) && watch.collapsed()));
    CHECK((!watch.add(2) && watch.collapsed() && watch.low_steps() == 4));
}

TEST_CASE("CollapseWatch: a step that is not low resets the count, and a second collapse is reported too") {
    CollapseWatch watch{11, {.below = 0.2, .steps = 2}};
    CHECK((!watch.add(1) && !watch.add(3) && !watch.add(1) && watch.add(1)));
    CHECK((!watch.add(10) && !watch.collapsed() && watch.low_steps() == 0));
    CHECK((!watch.add(1) && watch.add(1)));
}

TEST_CASE("CollapseWatch: a codebook of one vector cannot collapse") {
    CollapseWatch watch{1, {.steps = 1}};
    CHECK((!watch.add(1) && !watch.collapsed()));
}

TEST_CASE("CollapseWatch: options out of range are refused, by name") {
    const auto refused = [](std::size_t codes, CollapseWatchOptions options) {
        return message<ArgumentError>([&] { CollapseWatch{codes, options}; });
    };
    CHECK(refused(0, {}) == "CollapseWatch: codes: expected at least 1, got 0");
    CHECK(refused(8, {.steps = 0}) == "CollapseWatch: steps: expected at least 1, got 0");
    CHECK(refused(8, {.below = 1.5}) == "CollapseWatch: below: expected a number in [0, 1], got 1.500000");
    CHECK(refused(8, {.below = std::nan("")}) == "CollapseWatch: below: expected a number in [0, 1], got nan");
}
