#include <tessera/kernel/rotary.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

using support::numbers;
namespace kernel = tessera::kernel;
using kernel::Rotation;

TEST_CASE("rotary: sin and cos agree with the C library to 2e-15 from 0 to 100,000") {
    double worst = 0;
    for (int i = 0; i <= 100000; ++i)
        for (const double x : {i * 0.7, i * 1.0, i * 1e-5}) {
            const auto got = kernel::detail::sin_cos(x);
            worst = std::fmax(worst, std::fmax(std::abs(got.sin - std::sin(x)), std::abs(got.cos - std::cos(x))));
        }
    CHECK(worst < 2e-15);
}

TEST_CASE("rotary: frequencies fall from 1 by the root of the base") {
    double worst = 0;
    for (const double base : {2.0, 100.0, 10000.0, 500000.0})
        for (const std::size_t count : {1u, 2u, 5u, 16u, 64u}) {
            const auto got = kernel::detail::frequencies(count, base);
            for (std::size_t i = 0; i < count; ++i) {
                const double expected = std::pow(base, -static_cast<double>(i) / static_cast<double>(count));
                worst = std::fmax(worst, std::abs(got[i] / expected - 1));
            }
        }
    CHECK(worst < 1e-13);
}

TEST_CASE_TEMPLATE("rotary: pairs are turned by the angle of their token, or of its row and column", T, float, double) {
    support::Mismatch wrong;
    double worst = 0;
    for (const std::size_t half : {2u, 6u, 8u, 16u, 18u})
        for (const std::size_t columns : {0u, 1u, 3u}) {
            const std::size_t tokens = 12, heads = 3, d = 2 * half, part = columns > 0 ? half / 2 : half;
            kernel::RotaryTable<T> table;
            table.fill(tokens, half, columns, 50.0);
            const auto x = numbers<T>(tokens * heads * d, half);
            auto y = x, one_by_one = x;
            std::vector<T> expected(x.size());
            for (std::size_t t = 0; t < tokens; ++t) {
                kernel::rotate<Rotation::forward, T>(heads, half, table.cos(t), table.sin(t), y.data() + t * heads * d);
                for (std::size_t h = 0; h < heads; ++h) {
                    T* const head = one_by_one.data() + (t * heads + h) * d;
                    kernel::rotate<Rotation::forward, T>(1, half, table.cos(t), table.sin(t), head);
                    for (std::size_t i = 0; i < half; ++i) {
                        const std::size_t place = columns == 0 ? t : i < part ? t / columns : t % columns;
                        const double angle = static_cast<double>(place) *
                                             std::pow(50.0, -static_cast<double>(i % part) / static_cast<double>(part));
                        const std::size_t at = (t * heads + h) * d + i;
                        const double a = static_cast<double>(x[at]), b = static_cast<double>(x[at + half]);
                        expected[at] = static_cast<T>(a * std::cos(angle) - b * std::sin(angle));
                        expected[at + half] = static_cast<T>(b * std::cos(angle) + a * std::sin(angle));
                    }
                }
            }
            worst = std::fmax(worst, support::distance(expected, y));
            wrong.compare(y, one_by_one, "heads together and one by one, half = ", half);
            // and back: the transpose is the inverse
            for (std::size_t t = 0; t < tokens; ++t)
                kernel::rotate<Rotation::back, T>(heads, half, table.cos(t), table.sin(t), y.data() + t * heads * d);
            worst = std::fmax(worst, support::distance(x, y));
        }
    CHECK(worst < 20);  // roundings of the frequencies in double, 4 in float
    CHECK(wrong.first() == "");
}

TEST_CASE("rotary: a table of the same size for another base or grid is computed again") {
    using Table = kernel::RotaryTable<float>;
    const auto values = [](const Table& table) { return std::vector<float>(table.cos(0), table.cos(0) + 2 * 12 * 8); };
    struct Arguments {
        std::size_t tokens, half, columns;
        double base;
    };
    Table table;
    // The first again at the end: none of the others is left.
    for (const Arguments& a : {Arguments{12, 8, 0, 50}, Arguments{12, 8, 0, 60}, Arguments{12, 8, 3, 60},
                               Arguments{12, 8, 4, 60}, Arguments{24, 4, 4, 60}, Arguments{12, 8, 0, 50}}) {
        table.fill(a.tokens, a.half, a.columns, a.base);
        Table expected;
        expected.fill(a.tokens, a.half, a.columns, a.base);
        CAPTURE(a.half);
        CAPTURE(a.columns);
        CAPTURE(a.base);
        CHECK(values(table) == values(expected));
        CHECK(table.sin(1) == table.cos(1) + a.half);
    }
}
