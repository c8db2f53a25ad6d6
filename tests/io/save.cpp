#include <tessera/io/save.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <tessera/core/param.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

using namespace tessera;
using support::message;

namespace {

struct Line {
    Param<float, Shape<2>> weight;
    Param<double, Shape<>> rate;
    Param<std::int64_t, Shape<1>> steps;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("weight", m.weight...);
        f("rate", m.rate...);
        f("steps", m.steps...);
    }
};

}  // namespace

TEST_CASE("io::save: a number that is not finite is an error that names it, as io::load would refuse the file") {
    Line line;
    CHECK(io::collect(line).bytes().size() > 0);
    line.weight[1] = std::numeric_limits<float>::quiet_NaN();
    CHECK(message<NumericError>([&] { static_cast<void>(io::collect(line)); }) ==
          "io::save: weight: element 1: expected a finite number, got nan");
    line.weight[1] = 1;
    line.rate[0] = -std::numeric_limits<double>::infinity();
    CHECK(message<NumericError>([&] { static_cast<void>(io::collect(line)); }) ==
          "io::save: rate: element 0: expected a finite number, got -inf");
}

TEST_CASE("io::save: a model that was moved from is a StateError") {
    Line line;
    const Line elsewhere = std::move(line);
    CHECK(message<StateError>([&] { static_cast<void>(io::collect(line)); }) ==
          "Param: used after it was moved from: expected 2, got 0");
    CHECK(io::collect(elsewhere).bytes().size() > 0);
}
