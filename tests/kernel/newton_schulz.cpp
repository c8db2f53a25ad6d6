#include <tessera/kernel/newton_schulz.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace kernel = tessera::kernel;

namespace {

constexpr kernel::NewtonSchulzOptions of_muon{.coefficients = {3.4445, -4.7750, 2.0315}, .steps = 5, .eps = 1e-7};

std::vector<double> matrix(std::size_t rows, std::size_t width) {
    std::vector<double> x(rows * width);
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = std::sin(static_cast<double>(i) * 1.7 + static_cast<double>(i % width));
    return x;
}

// The formula in the order in which it is written.
std::vector<double> plain(const kernel::NewtonSchulzOptions& options, std::size_t rows, std::size_t width,
                          std::vector<double> x) {
    double squares = 0;
    for (const double v : x) squares += v * v;
    for (double& v : x) v /= std::max(std::sqrt(squares), options.eps);
    const auto [a, b, c] = options.coefficients;
    const std::size_t n = width;
    for (std::size_t step = 0; step < options.steps; ++step) {
        std::vector<double> g(n * n), factor(n * n), next(x.size());
        for (std::size_t m = 0; m < rows; ++m)
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j) g[i * n + j] += x[m * n + i] * x[m * n + j];
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                double square = 0;
                for (std::size_t k = 0; k < n; ++k) square += g[i * n + k] * g[k * n + j];
                factor[i * n + j] = (i == j ? a : 0) + b * g[i * n + j] + c * square;
            }
        for (std::size_t m = 0; m < rows; ++m)
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j) next[m * n + j] += x[m * n + i] * factor[i * n + j];
        x = std::move(next);
    }
    return x;
}

template <class T>
std::vector<T> run(kernel::NewtonSchulz<T>& iteration, const kernel::NewtonSchulzOptions& options, std::size_t rows,
                   std::size_t width) {
    const auto exact = matrix(rows, width);
    std::vector<T> x(exact.begin(), exact.end());
    iteration.run(options, rows, width, x);
    return x;
}

}  // namespace

TEST_CASE_TEMPLATE("NewtonSchulz: is the formula, for any size, with memory for the largest", T, float, double) {
    kernel::NewtonSchulz<T> iteration;
    iteration.expect(200, 33);
    const std::pair<std::size_t, std::size_t> sizes[] = {{200, 33}, {1, 1},   {7, 1},   {8, 7},  {9, 9},
                                                         {31, 8},   {31, 31}, {33, 16}, {65, 24}};
    for (const auto& size : sizes)
        for (const std::size_t steps : {0u, 1u, 2u, 5u}) {
            const std::size_t rows = size.first, width = size.second;
            kernel::NewtonSchulzOptions options = of_muon;
            options.steps = steps;
            const auto expected = plain(options, rows, width, matrix(rows, width));
            const auto got = run(iteration, options, rows, width);
            double worst = 0;
            for (std::size_t i = 0; i < got.size(); ++i)
                worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
            INFO("rows ", rows, ", columns ", width, ", steps ", steps, ", difference ", worst);
            // five steps enlarge what is small, and its rounding, up to 3.4445^5 = 485 times
            CHECK(worst < (sizeof(T) == 4 ? 5e-4 : 1e-11));
        }
}

TEST_CASE("NewtonSchulz: the length of every column comes near 1, and zeros stay zero") {
    kernel::NewtonSchulz<float> iteration;
    iteration.expect(64, 2);
    const auto x = run(iteration, of_muon, 64, 2);
    double squares[2] = {}, product = 0;
    for (std::size_t m = 0; m < 64; ++m) {
        const double a = static_cast<double>(x[2 * m]), b = static_cast<double>(x[2 * m + 1]);
        squares[0] += a * a;
        squares[1] += b * b;
        product += a * b;
    }
    CHECK(squares[0] == doctest::Approx(1).epsilon(0.5));
    CHECK(squares[1] == doctest::Approx(1).epsilon(0.5));
    CHECK(std::abs(product) < 0.5);
    std::vector<float> zeros(128);
    iteration.run(of_muon, 64, 2, zeros);
    CHECK(std::ranges::all_of(zeros, [](float v) { return v == 0; }));
}
