#include <tessera/kernel/swiglu.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

TEST_CASE_TEMPLATE("swiglu: values and derivatives are the formulas, for lengths around a vector", T, float, double) {
    double worst = 0;
    support::Mismatch wrong;
    for (const std::size_t n : support::odd_sizes) {
        const auto gate = numbers<T>(n, 1), up = numbers<T>(n, 2);
        std::vector<T> y(n), dgate(n), dup(n);
        for (std::size_t i = 0; i < n; ++i) {
            const double a = static_cast<double>(gate[i]), b = static_cast<double>(up[i]), s = 1 / (1 + std::exp(-a));
            y[i] = static_cast<T>(a * s * b);
            dgate[i] = static_cast<T>(b * s * (1 + a * (1 - s)));
            dup[i] = static_cast<T>(a * s);
        }
        auto g = gate, u = up;
        std::vector<T> with(n), without = gate;
        kernel::swiglu_with_derivatives<T>(g, u, with);
        kernel::swiglu_forward<T>(without, up, without);  // in place, as a step calls it
        for (const double d : {distance(y, with), distance(dgate, g), distance(dup, u)})
            worst = support::larger(worst, d);
        wrong.compare(with, without, "y with and without derivatives, n = ", n);
    }
    CHECK(worst < 4);
    CHECK(wrong.first() == "");
}

TEST_CASE("swiglu: NaN stays NaN, and large gates stay finite") {
    const std::vector<float> gate{std::numeric_limits<float>::quiet_NaN(), -200.f, 200.f}, up{1.f, 3.f, 3.f};
    std::vector<float> y(3);
    kernel::swiglu_forward<float>(gate, up, y);
    CHECK(std::isnan(y[0]));
    CHECK(std::abs(y[1]) < 1e-30f);
    CHECK(y[2] == 600.f);
}
