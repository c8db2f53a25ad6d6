#include <tessera/kernel/rms_norm.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/numbers.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

namespace {

// The formulas, in double. dx has `onto` added.
template <class T>
struct RmsRowTwin {
    std::vector<T> y, dx, dweight;

    RmsRowTwin(std::size_t rows, std::size_t width, const std::vector<T>& x, const std::vector<T>& weight,
               const std::vector<T>& dy, const std::vector<T>& onto)
        : y(x.size()), dx(x.size()), dweight(width) {
        std::vector<double> dw(width);
        const double count = static_cast<double>(width);
        for (std::size_t r = 0; r < rows; ++r) {
            double square = 0, mean_gn = 0;
            const auto at = [&](const std::vector<T>& v, std::size_t c) {
                return static_cast<double>(v[r * width + c]);
            };
            for (std::size_t c = 0; c < width; ++c) square += at(x, c) * at(x, c) / count;
            const double rstd = 1 / std::sqrt(square + 1e-5);
            for (std::size_t c = 0; c < width; ++c) {
                const double n = at(x, c) * rstd, w = static_cast<double>(weight[c]);
                mean_gn += at(dy, c) * w * n / count;
                y[r * width + c] = static_cast<T>(n * w);
                dw[c] += at(dy, c) * n;
            }
            for (std::size_t c = 0; c < width; ++c) {
                const double n = at(x, c) * rstd, g = at(dy, c) * static_cast<double>(weight[c]);
                dx[r * width + c] = static_cast<T>(rstd * (g - n * mean_gn) + at(onto, c));
            }
        }
        for (std::size_t c = 0; c < width; ++c) dweight[c] = static_cast<T>(dw[c] + 1);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("rms_norm: forward and backward are the formulas, and gradients are added", T, float, double) {
    double worst = 0;
    for (const std::size_t width : {4u, 7u, 8u, 9u, 31u, 33u, 128u}) {
        const std::size_t rows = 5;
        const auto x = numbers<T>(rows * width, 1), weight = numbers<T>(width, 2), dy = numbers<T>(rows * width, 3),
                   other = numbers<T>(rows * width, 4);
        for (const bool residual : {false, true}) {
            const std::vector<T> onto = residual ? other : std::vector<T>(x.size());
            std::vector<T> y(x.size()), dx(x.size()), rstd(rows), dweight(width, T(1));
            kernel::rms_norm_forward<T>(x, weight, y, rstd, T(1e-5));
            kernel::rms_norm_backward<T>(x, weight, rstd, dy, dx, dweight, residual ? onto.data() : nullptr);
            const RmsRowTwin<T> twin(rows, width, x, weight, dy, onto);
            for (const double d : {distance(twin.y, y), distance(twin.dx, dx), distance(twin.dweight, dweight)})
                worst = support::larger(worst, d);
        }
    }
    CHECK(worst < 30);  // roundings of the sums
}

TEST_CASE("rms_norm: a row of zeros gives zeros and a finite gradient") {
    std::vector<float> x(33, 0.f), weight(33, 2.f), dy(33, 1.f), y(33, 7.f), rstd(1), dx(33), dweight(33);
    kernel::rms_norm_forward<float>(x, weight, y, rstd, 1e-5f);
    kernel::rms_norm_backward<float>(x, weight, rstd, dy, dx, dweight);
    CHECK(y == x);
    CHECK(std::abs(dx[32] * std::sqrt(1e-5f) / 2 - 1) < 1e-6f);
    CHECK(dweight == x);
}
