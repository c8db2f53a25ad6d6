#include <tessera/kernel/conv/convolution.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <support/windows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

using support::distance;
using support::numbers;
using support::sized;
namespace kernel = tessera::kernel;
using kernel::PatchPlan;
using kernel::PatchSize;

namespace {

constexpr std::size_t images = 3;

const std::vector<PatchSize> windows{sized(8, 6, 4, 2, 1), sized(5, 7, 3, 1, 1), sized(5, 4, 1, 2, 0),
                                     sized(9, 6, 3, 3, 0), sized(7, 8, 2, 3, 0), sized(6, 5, 3, 2, 1)};

// A convolution from the large map (a channels) to the small one (b channels), weights [tap][a][b], with random numbers
// for everything and the plain loops over it in double.
template <class T>
struct Case {
    PatchSize s;
    std::size_t a, b, taps = s.size * s.size, large = s.height * s.width, small = s.out_height * s.out_width;
    std::vector<T> x = numbers<T>(images * large * a, 1), w = numbers<T>(taps * a * b, 2),
                   y = numbers<T>(images * small * b, 3), bias_a = numbers<T>(a, 4), bias_b = numbers<T>(b, 5);

    // f(index of x's pixel, tap, index of y's pixel) for every connection
    template <class F>
    void each(F f) const {
        for (std::size_t n = 0; n < images; ++n)
            for (std::size_t o = 0; o < small; ++o)
                for (std::size_t t = 0; t < taps; ++t) {
                    const auto row = o / s.out_width * s.stride + t / s.size,
                               column = o % s.out_width * s.stride + t % s.size;
                    if (row < s.pad || column < s.pad || row - s.pad >= s.height || column - s.pad >= s.width) continue;
                    f(n * large + (row - s.pad) * s.width + column - s.pad, t, n * small + o);
                }
    }
    // start + sums; which of x, w, y is the result follows from `make`
    template <class F>
    std::vector<T> sums(std::size_t size, const std::vector<T>& start, F make) const {
        std::vector<double> sum(size);
        for (std::size_t i = 0; i < size; ++i)
            sum[i] = start.empty() ? 0. : static_cast<double>(start[i % start.size()]);
        each([&](std::size_t in, std::size_t t, std::size_t out) {
            for (std::size_t c = 0; c < a; ++c)
                for (std::size_t j = 0; j < b; ++j) make(sum, in * a + c, (t * a + c) * b + j, out * b + j);
        });
        return {sum.begin(), sum.end()};
    }
    std::vector<T> forward(const std::vector<T>& bias) const {
        return sums(y.size(), bias, [&](auto& sum, std::size_t i, std::size_t k, std::size_t o) {
            sum[o] += static_cast<double>(x[i]) * static_cast<double>(w[k]);
        });
    }
    std::vector<T> transposed(const std::vector<T>& bias) const {
        return sums(x.size(), bias, [&](auto& sum, std::size_t i, std::size_t k, std::size_t o) {
            sum[i] += static_cast<double>(y[o]) * static_cast<double>(w[k]);
        });
    }
    std::vector<T> weights(const std::vector<T>& start) const {
        return sums(w.size(), start, [&](auto& sum, std::size_t i, std::size_t k, std::size_t o) {
            sum[k] += static_cast<double>(x[i]) * static_cast<double>(y[o]);
        });
    }

    std::vector<T> convolve(kernel::Epilogue<T> end) const {
        kernel::Panels<T> panels;
        panels.pack(taps * a, b, w.data(), b, 1);
        std::vector<T> out(y.size(), T(7));
        kernel::convolve<T>(kernel::gather_plan(s), images, x.data(), large, a, panels, out.data(), small, end);
        return out;
    }
    std::vector<T> convolve_transposed(kernel::Epilogue<T> end) const {
        std::vector<T> out(x.size(), T(7));
        for (const PatchPlan& plan : kernel::scatter_plans(s)) {
            kernel::Panels<T> panels;
            panels.resize(plan.taps * b, a);
            for (std::size_t t = 0; t < plan.taps; ++t)
                panels.fill(t * b, b, w.data() + static_cast<std::size_t>(plan.window[t]) * a * b, 1, b);
            kernel::convolve<T>(plan, images, y.data(), small, b, panels, out.data(), large, end);
        }
        return out;
    }
};

template <class T>
std::vector<T> relu(std::vector<T> x) {
    for (T& v : x) v = std::max(v, T(0));
    return x;
}
template <class T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}
// f(case) for every window and number of channels; fewer than 8 are gathered, 33 is more than a panel
template <class T, class F>
void for_cases(F f) {
    for (const PatchSize& s : windows)
        for (const std::size_t a : {1u, 3u, 8u, 33u})
            for (const std::size_t b : {1u, 5u, 33u}) f(Case<T>{s, a, b});
}

}  // namespace

TEST_CASE_TEMPLATE("convolve: over a gather plan it is the convolution, with bias and relu", T, float, double) {
    double worst = 0;
    for_cases<T>([&](const Case<T>& c) {
        worst = support::larger(worst, distance(c.forward({}), c.convolve({})));
        worst = support::larger(
            worst, distance(relu(c.forward(c.bias_b)), c.convolve({.bias = c.bias_b.data(), .relu = true})));
    });
    CHECK(worst < 40);
}

TEST_CASE_TEMPLATE("convolve: over scatter plans it is the transposed convolution, with bias and relu", T, float,
                   double) {
    double worst = 0;
    for_cases<T>([&](const Case<T>& c) {
        worst = support::larger(worst, distance(c.transposed({}), c.convolve_transposed({})));
        worst = support::larger(worst, distance(relu(c.transposed(c.bias_a)),
                                                c.convolve_transposed({.bias = c.bias_a.data(), .relu = true})));
    });
    CHECK(worst < 40);
}

TEST_CASE_TEMPLATE("convolve: adds the operand of the epilogue", T, float, double) {
    const Case<T> c{windows[1], 9, 35};
    const auto add = numbers<T>(c.y.size(), 6);
    auto expected = c.forward({});
    for (std::size_t i = 0; i < add.size(); ++i) expected[i] += add[i];
    CHECK(distance(expected, c.convolve({.add = add.data()})) < 40);
}

TEST_CASE("convolve: <conv(x), y> = <x, transposed(y)>") {
    double worst = 0;
    for_cases<double>([&](const Case<double>& c) {
        const double left = dot(c.convolve({}), c.y), right = dot(c.x, c.convolve_transposed({}));
        worst = support::larger(worst, std::abs(left - right) / (1 + std::abs(left)));
    });
    CHECK(worst < 1e-10);
}

TEST_CASE_TEMPLATE("convolve_weight_gradient: adds the gradient of the weights", T, float, double) {
    tessera::Buffer<T> copies;
    double worst = 0;
    for_cases<T>([&](const Case<T>& c) {
        const auto start = numbers<T>(c.w.size(), 6);
        auto dw = start;
        kernel::convolve_weight_gradient<T>(kernel::gather_plan(c.s), images, c.x.data(), c.large, c.a, c.y.data(), c.b,
                                            dw.data(), copies);
        worst = support::larger(worst, distance(c.weights(start), dw));
    });
    CHECK(worst < 60);
}

TEST_CASE_TEMPLATE("convolve, convolve_weight_gradient: an empty batch, whose pointers may be null", T, float, double) {
    const Case<T> c{windows[1], 9, 35};
    const PatchPlan plan = kernel::gather_plan(c.s);
    kernel::Panels<T> panels;
    panels.pack(c.taps * c.a, c.b, c.w.data(), c.b, 1);
    kernel::convolve<T>(plan, 0, nullptr, c.large, c.a, panels, nullptr, c.small);
    tessera::Buffer<T> copies;
    const auto start = numbers<T>(c.w.size(), 6);
    auto dw = start;
    kernel::convolve_weight_gradient<T>(plan, 0, nullptr, c.large, c.a, nullptr, c.b, dw.data(), copies);
    CHECK(support::equal_values(start, dw));
}

TEST_CASE("convolve, convolve_weight_gradient: image by image gives the bits of the whole batch") {
    tessera::Buffer<float> copies;
    support::Mismatch wrong;
    for_cases<float>([&](const Case<float>& c) {
        const PatchPlan plan = kernel::gather_plan(c.s);
        kernel::Panels<float> panels;
        panels.pack(c.taps * c.a, c.b, c.w.data(), c.b, 1);
        std::vector<float> y(c.y.size()), dw(c.w.size()), dw_of_batch(c.w.size());
        for (std::size_t n = 0; n < images; ++n) {
            const float* x = c.x.data() + n * c.large * c.a;
            kernel::convolve<float>(plan, 1, x, c.large, c.a, panels, y.data() + n * c.small * c.b, c.small);
            kernel::convolve_weight_gradient<float>(plan, 1, x, c.large, c.a, c.y.data() + n * c.small * c.b, c.b,
                                                    dw.data(), copies);
        }
        kernel::convolve_weight_gradient<float>(plan, images, c.x.data(), c.large, c.a, c.y.data(), c.b,
                                                dw_of_batch.data(), copies);
        wrong.compare(y, c.convolve({}), "y, a = ", c.a, ", b = ", c.b, ", taps = ", c.taps);
        wrong.compare(dw, dw_of_batch, "dw, a = ", c.a, ", b = ", c.b, ", taps = ", c.taps);
    });
    CHECK(wrong.first() == "");
}

TEST_CASE(
    "convolve, convolve_weight_gradient: what is left out around a map gives the bits of a map with zeros around it") {
    tessera::Buffer<float> copies;
    const PatchSize s = sized(7, 6, 4, 2, 1), wide = sized(9, 8, 4, 2, 0);
    const Case<float> c{s, 9, 35};
    std::vector<float> x(images * 9 * 8 * c.a), y(c.y.size()), dw(c.w.size()), expected(c.w.size());
    for (std::size_t n = 0; n < images; ++n)
        for (std::size_t row = 0; row < 7; ++row)
            std::copy_n(c.x.data() + (n * 7 + row) * 6 * c.a, 6 * c.a, x.data() + ((n * 9 + row + 1) * 8 + 1) * c.a);
    kernel::Panels<float> panels;
    panels.pack(c.taps * c.a, c.b, c.w.data(), c.b, 1);
    kernel::convolve<float>(kernel::gather_plan(wide), images, x.data(), 9 * 8, c.a, panels, y.data(), c.small);
    CHECK(y == c.convolve({}));
    kernel::convolve_weight_gradient<float>(kernel::gather_plan(wide), images, x.data(), 9 * 8, c.a, c.y.data(), c.b,
                                            expected.data(), copies);
    kernel::convolve_weight_gradient<float>(kernel::gather_plan(s), images, c.x.data(), c.large, c.a, c.y.data(), c.b,
                                            dw.data(), copies);
    CHECK(dw == expected);
}

TEST_CASE("convolve, convolve_weight_gradient: a window whose rows are too long to be gathered") {
    tessera::Buffer<float> copies;
    const Case<float> c{sized(15, 14, 14, 1, 1), 7, 3};  // 1372 numbers in a patch
    CHECK(distance(c.forward({}), c.convolve({})) < 200);
    std::vector<float> dw(c.w.size());
    kernel::convolve_weight_gradient<float>(kernel::gather_plan(c.s), images, c.x.data(), c.large, c.a, c.y.data(), c.b,
                                            dw.data(), copies);
    CHECK(distance(c.weights({}), dw) < 60);
}

TEST_CASE_TEMPLATE("convolve_weight_gradient: x_sums has the bits of column_sums, and dw those without it", T, float,
                   double) {
    tessera::Buffer<T> copies;
    support::Mismatch wrong;
    for_cases<T>([&](const Case<T>& c) {
        const PatchPlan plan = kernel::gather_plan(c.s);
        const auto start = numbers<T>(c.a, 6);
        std::vector<T> dw(c.w.size()), expected_dw(c.w.size()), sums = start, expected = start;
        kernel::convolve_weight_gradient<T>(plan, images, c.x.data(), c.large, c.a, c.y.data(), c.b, dw.data(), copies,
                                            sums.data());
        kernel::convolve_weight_gradient<T>(plan, images, c.x.data(), c.large, c.a, c.y.data(), c.b, expected_dw.data(),
                                            copies);
        kernel::column_sums<T>(images * c.large, c.a, c.x.data(), c.a, expected.data());
        wrong.compare(expected, sums, "sums, a = ", c.a, ", b = ", c.b, ", taps = ", c.taps);
        wrong.compare(expected_dw, dw, "dw, a = ", c.a, ", b = ", c.b, ", taps = ", c.taps);
    });
    CHECK(wrong.first() == "");
}

TEST_CASE("convolve_weight_gradient: maps and gradients in place and copied give the same bits") {
    tessera::Buffer<float> copies;
    support::Mismatch wrong;
    double worst = 0;
    for (const PatchSize& s : {sized(18, 16, 4, 2, 1), sized(5, 7, 3, 1, 1)})  // 216 rows, more than a chunk; 105
        for (const std::size_t a : {8u, 48u})
            for (const std::size_t b : {32u, 64u}) {
                const Case<float> c{s, a, b};
                const PatchPlan plan = kernel::gather_plan(s);
                const auto point = [&](std::size_t tap, std::size_t m, std::size_t count, const float** to,
                                       std::uint32_t* row) {
                    return kernel::detail::patches_of_tap(plan, c.x.data(), c.large, a, m, count, tap, to, row);
                };
                std::vector<float> chosen(c.w.size());
                kernel::convolve_weight_gradient<float>(plan, images, c.x.data(), c.large, a, c.y.data(), b,
                                                        chosen.data(), copies);
                worst = support::larger(worst, distance(c.weights({}), chosen));
                for (const bool x : {false, true})
                    for (const bool dy : {false, true}) {
                        std::vector<float> dw(c.w.size());
                        kernel::detail::weight_gradient_rows(images * c.small, c.taps, a, b, point, c.y.data(), b,
                                                             dw.data(), b, {.x = x, .dy = dy}, copies);
                        wrong.compare(chosen, dw, "a = ", a, ", b = ", b, ", x in place: ", x, ", dy in place: ", dy);
                    }
            }
    CHECK(wrong.first() == "");
    CHECK(worst < 60);
}
