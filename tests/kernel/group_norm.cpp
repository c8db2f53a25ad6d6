#include <tessera/kernel/group_norm.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/numbers.hpp>

#include <cmath>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

namespace {

template <class T>
struct GroupTwin {
    std::vector<T> y, dx, dweight, dbias;

    GroupTwin(std::size_t rows, std::size_t groups, const std::vector<T>& x, const std::vector<T>& weight,
              const std::vector<T>& bias, const std::vector<T>& dy)
        : y(x.size()), dx(x.size()), dweight(weight.size(), T(1)), dbias(weight.size(), T(1)) {
        const std::size_t channels = weight.size(), each = channels / groups;
        const double count = static_cast<double>(rows * each);
        for (std::size_t g = 0; g < groups; ++g) {
            double mean = 0, variance = 0, mean_g = 0, mean_gn = 0;
            const auto over = [&](auto f) {  // every element of the group
                for (std::size_t r = 0; r < rows; ++r)
                    for (std::size_t c = g * each; c < (g + 1) * each; ++c)
                        f(r * channels + c, c, static_cast<double>(x[r * channels + c]),
                          static_cast<double>(dy[r * channels + c]));
            };
            over([&](std::size_t, std::size_t, double v, double) { mean += v / count; });
            over([&](std::size_t, std::size_t, double v, double) { variance += (v - mean) * (v - mean) / count; });
            const double rstd = 1 / std::sqrt(variance + 1e-5);
            std::vector<double> dw(channels), db(channels);
            over([&](std::size_t i, std::size_t c, double v, double d) {
                const double n = (v - mean) * rstd, w = static_cast<double>(weight[c]);
                y[i] = static_cast<T>(n * w + static_cast<double>(bias[c]));
                mean_g += d * w / count;
                mean_gn += d * w * n / count;
                dw[c] += d * n;
                db[c] += d;
            });
            over([&](std::size_t i, std::size_t c, double v, double d) {
                const double n = (v - mean) * rstd;
                dx[i] = static_cast<T>(rstd * (d * static_cast<double>(weight[c]) - mean_g - n * mean_gn));
            });
            for (std::size_t c = g * each; c < (g + 1) * each; ++c) {
                dweight[c] = static_cast<T>(1 + dw[c]);
                dbias[c] = static_cast<T>(1 + db[c]);
            }
        }
    }
};

}  // namespace

TEST_CASE_TEMPLATE("group_norm: forward and backward are the formulas, and gradients are added", T, float, double) {
    struct Sizes {
        std::size_t rows, channels, groups;
    };
    double worst = 0;
    for (const auto [rows, channels, groups] :
         {Sizes{9, 1, 1}, {9, 7, 7}, {3, 8, 2}, {31, 9, 3}, {7, 31, 1}, {8, 33, 11}, {49, 64, 8}, {1, 8, 2}}) {
        const auto x = numbers<T>(rows * channels, 1), weight = numbers<T>(channels, 2), bias = numbers<T>(channels, 3),
                   dy = numbers<T>(rows * channels, 4);
        std::vector<T> y(x.size()), dx(x.size()), mean(channels), rstd(channels), sums(2 * channels),
            dweight(channels, T(1)), dbias(channels, T(1));
        kernel::group_norm_forward<T>(x, groups, weight, bias, y, mean, rstd, T(1e-5));
        kernel::group_norm_backward<T>(x, groups, weight, mean, rstd, dy, dx, dweight, dbias, sums);
        const GroupTwin<T> twin(rows, groups, x, weight, bias, dy);
        for (const double d :
             {distance(twin.y, y), distance(twin.dx, dx), distance(twin.dweight, dweight), distance(twin.dbias, dbias)})
            worst = support::larger(worst, d);
    }
    CHECK(worst < 30);
}
