#include <tessera/kernel/pool.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using support::numbers;
namespace kernel = tessera::kernel;

namespace {

kernel::Pool pool(std::size_t h, std::size_t w, std::size_t c, std::size_t size, std::size_t stride, std::size_t pad) {
    return {h, w, c, size, stride, pad, (h + 2 * pad - size) / stride + 1, (w + 2 * pad - size) / stride + 1};
}
const std::vector<kernel::Pool> pools{pool(4, 6, 1, 2, 2, 0),  pool(5, 4, 7, 3, 1, 1),  pool(7, 7, 8, 3, 2, 1),
                                      pool(6, 5, 9, 2, 3, 0),  pool(4, 4, 31, 4, 4, 0), pool(3, 8, 33, 3, 2, 2),
                                      pool(1, 1, 16, 1, 1, 0), pool(5, 5, 3, 5, 1, 4)};

// f(output index, input index) for every place of every window that lies inside the image, in order.
template <class F>
void places(const kernel::Pool& p, F f) {
    for (std::size_t oy = 0; oy < p.out_height; ++oy)
        for (std::size_t ox = 0; ox < p.out_width; ++ox)
            for (std::size_t c = 0; c < p.channels; ++c)
                for (std::size_t k = 0; k < p.size * p.size; ++k) {
                    const auto iy = static_cast<long>(oy * p.stride + k / p.size) - static_cast<long>(p.pad);
                    const auto ix = static_cast<long>(ox * p.stride + k % p.size) - static_cast<long>(p.pad);
                    if (iy < 0 || ix < 0 || iy >= static_cast<long>(p.height) || ix >= static_cast<long>(p.width))
                        continue;
                    f((oy * p.out_width + ox) * p.channels + c,
                      (static_cast<std::size_t>(iy) * p.width + static_cast<std::size_t>(ix)) * p.channels + c);
                }
}
std::size_t in_size(const kernel::Pool& p) { return p.height * p.width * p.channels; }
std::size_t out_size(const kernel::Pool& p) { return p.out_height * p.out_width * p.channels; }

}  // namespace

TEST_CASE_TEMPLATE("average_pool: the mean over the window with zeros for padding, and its adjoint", T, float, double) {
    double worst = 0;
    for (const auto& p : pools) {
        const auto x = numbers<T>(in_size(p), 1), dy = numbers<T>(out_size(p), 2);
        std::vector<T> y(out_size(p)), dx(in_size(p), T(9)), ty(out_size(p)), tdx(in_size(p));
        kernel::average_pool_forward<T>(p, x, y);
        kernel::average_pool_backward<T>(p, dy, dx);
        const T area = static_cast<T>(p.size * p.size);
        places(p, [&](std::size_t out, std::size_t in) {
            ty[out] += x[in] / area;
            tdx[in] += dy[out] / area;
        });
        worst = std::max({worst, support::distance(ty, y), support::distance(tdx, dx)});
    }
    CHECK(worst < 8);
}

TEST_CASE_TEMPLATE("max_pool: the largest of the window, the first of equal ones, and only its dx is not zero", T,
                   float, double) {
    support::Mismatch wrong;
    for (const auto& p : pools) {
        auto x = numbers<T>(in_size(p), 1);
        for (T& value : x) value = std::round(value * 2);  // many equal ones
        const auto dy = numbers<T>(out_size(p), 2);
        std::vector<T> y(out_size(p)), position(out_size(p)), dx(in_size(p), T(9)), tdx(in_size(p));
        kernel::max_pool_forward<T>(p, x, y, position);
        kernel::max_pool_backward<T>(p, position, dy, dx);
        std::vector<T> ty(out_size(p), -std::numeric_limits<T>::infinity());
        std::vector<std::size_t> best(out_size(p));
        places(p, [&](std::size_t out, std::size_t in) {
            if (x[in] > ty[out]) {
                ty[out] = x[in];
                best[out] = in;
            }
        });
        for (std::size_t i = 0; i < best.size(); ++i) tdx[best[i]] += dy[i];
        wrong.compare(ty, y, "y, channels = ", p.channels);
        wrong.require(support::distance(tdx, dx) < 4, "dx near its twin, channels = ", p.channels);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("max_pool: minus infinity everywhere gives minus infinity, NaN is larger than everything") {
    const auto p = pool(2, 2, 17, 2, 2, 0);
    std::vector<float> x(in_size(p), -std::numeric_limits<float>::infinity()), y(17), position(17), dx(in_size(p));
    const std::vector<float> dy(17, 1.f);
    x[2 * 17 + 3] = std::numeric_limits<float>::quiet_NaN();  // third place, channel 3
    x[3 * 17 + 3] = 5.f;
    x[1 * 17 + 16] = std::numeric_limits<float>::quiet_NaN();  // second place, the last channel (behind the vectors)
    x[2 * 17 + 16] = 5.f;
    kernel::max_pool_forward<float>(p, x, y, position);
    kernel::max_pool_backward<float>(p, position, dy, dx);
    CHECK(y[0] == -std::numeric_limits<float>::infinity());
    CHECK(position[0] == 0);
    CHECK(std::isnan(y[3]));
    CHECK(position[3] == 2);
    CHECK(std::isnan(y[16]));
    CHECK(position[16] == 1);
    CHECK(dx[2 * 17 + 3] == 1);
    CHECK(dx[3 * 17 + 3] == 0);
}

TEST_CASE_TEMPLATE("upsample_nearest: repeats each pixel factor^2 times, and backward is its adjoint", T, float,
                   double) {
    support::Mismatch wrong;
    double worst = 0;
    for (const std::size_t channels : {1u, 7u, 8u, 9u, 31u, 33u})
        for (const std::size_t factor : {1u, 2u, 3u}) {
            const std::size_t height = 3, width = 4, line = width * factor;
            const auto x = numbers<T>(height * width * channels, 1), dy = numbers<T>(x.size() * factor * factor, 2);
            std::vector<T> y(dy.size()), dx(x.size(), T(9)), ty(dy.size()), tdx(x.size());
            kernel::upsample_nearest_forward<T>(width, channels, factor, x, y);
            kernel::upsample_nearest_backward<T>(width, channels, factor, dy, dx);
            for (std::size_t i = 0; i < height * factor; ++i)
                for (std::size_t j = 0; j < line; ++j)
                    for (std::size_t c = 0; c < channels; ++c) {
                        const std::size_t out = (i * line + j) * channels + c;
                        const std::size_t in = (i / factor * width + j / factor) * channels + c;
                        ty[out] = x[in];
                        tdx[in] += dy[out];
                    }
            wrong.compare(ty, y, "channels = ", channels, ", factor = ", factor);
            worst = support::larger(worst, support::distance(tdx, dx));
        }
    CHECK(wrong.first() == "");
    CHECK(worst < 4);
}
