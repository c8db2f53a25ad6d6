#include <tessera/kernel/layer_norm.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/numbers.hpp>

#include <cmath>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

namespace {

// The formulas, in double.
template <class T>
struct RowTwin {
    std::vector<T> y, dx, dweight, dbias;

    RowTwin(std::size_t rows, std::size_t width, const std::vector<T>& x, const std::vector<T>& weight,
            const std::vector<T>& bias, const std::vector<T>& dy)
        : y(x.size()), dx(x.size()), dweight(width), dbias(width) {
        std::vector<double> dw(width), db(width);
        const double count = static_cast<double>(width);
        for (std::size_t r = 0; r < rows; ++r) {
            double mean = 0, variance = 0, mean_g = 0, mean_gn = 0;
            const auto at = [&](const std::vector<T>& v, std::size_t c) {
                return static_cast<double>(v[r * width + c]);
            };
            for (std::size_t c = 0; c < width; ++c) mean += at(x, c) / count;
            for (std::size_t c = 0; c < width; ++c) variance += (at(x, c) - mean) * (at(x, c) - mean) / count;
            const double rstd = 1 / std::sqrt(variance + 1e-5);
            for (std::size_t c = 0; c < width; ++c) {
                const double n = (at(x, c) - mean) * rstd, g = at(dy, c) * static_cast<double>(weight[c]);
                mean_g += g / count;
                mean_gn += g * n / count;
                y[r * width + c] = static_cast<T>(n * static_cast<double>(weight[c]) + static_cast<double>(bias[c]));
                dw[c] += at(dy, c) * n;
                db[c] += at(dy, c);
            }
            for (std::size_t c = 0; c < width; ++c) {
                const double n = (at(x, c) - mean) * rstd, g = at(dy, c) * static_cast<double>(weight[c]);
                dx[r * width + c] = static_cast<T>(rstd * (g - mean_g - n * mean_gn));
            }
        }
        for (std::size_t c = 0; c < width; ++c) {
            dweight[c] = static_cast<T>(dw[c] + 1);
            dbias[c] = static_cast<T>(db[c] + 1);
        }
    }
};

}  // namespace

TEST_CASE_TEMPLATE("layer_norm: forward and backward are the formulas, and gradients are added", T, float, double) {
    double worst = 0;
    for (const std::size_t width : {4u, 7u, 8u, 9u, 31u, 33u, 128u}) {
        const std::size_t rows = 5;
        const auto x = numbers<T>(rows * width, 1), weight = numbers<T>(width, 2), bias = numbers<T>(width, 3),
                   dy = numbers<T>(rows * width, 4);
        std::vector<T> y(x.size()), dx(x.size()), mean(rows), rstd(rows), dweight(width, T(1)), dbias(width, T(1));
        kernel::layer_norm_forward<T>(x, weight, bias, y, mean, rstd, T(1e-5));
        kernel::layer_norm_backward<T>(x, weight, mean, rstd, dy, dx, dweight, dbias);
        const RowTwin<T> twin(rows, width, x, weight, bias, dy);
        for (const double d :
             {distance(twin.y, y), distance(twin.dx, dx), distance(twin.dweight, dweight), distance(twin.dbias, dbias)})
            worst = support::larger(worst, d);
    }
    CHECK(worst < 30);  // roundings of the sums
}

TEST_CASE("layer_norm: a row far from zero keeps its digits, a row of equal numbers gives the bias") {
    std::vector<float> x(64), weight(32, 1.f), bias(32, 0.25f), y(64), mean(2), rstd(2);
    for (std::size_t i = 0; i < 32; ++i) {
        x[i] = 4096.f + static_cast<float>(i);
        x[32 + i] = 7.f;
    }
    kernel::layer_norm_forward<float>(x, weight, bias, y, mean, rstd, 1e-5f);
    CHECK(std::abs((static_cast<double>(y[31]) - 0.25) * std::sqrt(85.25) / 15.5 - 1) < 1e-5);
    CHECK(y[40] == 0.25f);

    std::vector<float> one{3.f}, w{2.f}, b{5.f}, out(1), m(1), r(1), d{7.f}, dx(1), dw(1), db(1);
    kernel::layer_norm_forward<float>(one, w, b, out, m, r, 1e-5f);
    kernel::layer_norm_backward<float>(one, w, m, r, d, dx, dw, db);
    CHECK(out[0] == 5);
    CHECK(dx[0] == 0);
    CHECK(db[0] == 7);
}
