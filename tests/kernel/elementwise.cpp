#include <tessera/kernel/elementwise.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

using support::odd_sizes;
using support::waves;
namespace kernel = tessera::kernel;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

/// The derivative by differences, of fourth order: good to 1e-11 here.
template <class F>
double slope(F f, double x) {
    const double h = 1e-3;
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h);
}

template <class T>
double tolerance() {
    return std::is_same_v<T, float> ? 1e-5 : 1e-10;
}

/// Largest |y - f(x)| over all sizes; run(x, y) fills y.
template <class T, class Run, class F>
double forward_error(Run run, F f) {
    double worst = 0;
    for (std::size_t n : odd_sizes) {
        const auto x = waves<T>(n, 4, 0.4);
        std::vector<T> y(n, std::numeric_limits<T>::quiet_NaN());
        run(std::span<const T>{x}, std::span<T>{y});
        for (std::size_t i = 0; i < n; ++i) {
            const double e = std::abs(static_cast<double>(y[i]) - f(static_cast<double>(x[i])));
            worst = std::isnan(e) ? 1e9 : std::max(worst, e);
        }
    }
    return worst;
}

/// Largest |dx - dy f'(x)|; run(cached, dy, dx), where `cached` is y for gradients computed from the output.
template <class T, class Run, class F>
double backward_error(Run run, F f, bool from_output) {
    double worst = 0;
    for (std::size_t n : odd_sizes) {
        const auto x = waves<T>(n, 4, 0.4), dy = waves<T>(n, 4, 1.1);
        auto cached = x;
        if (from_output)
            for (T& v : cached) v = static_cast<T>(f(static_cast<double>(v)));
        std::vector<T> dx(n, std::numeric_limits<T>::quiet_NaN());
        run(std::span<const T>{cached}, std::span<const T>{dy}, std::span<T>{dx});
        for (std::size_t i = 0; i < n; ++i) {
            const double exact = static_cast<double>(dy[i]) * slope(f, static_cast<double>(x[i]));
            const double e = std::abs(static_cast<double>(dx[i]) - exact);
            worst = std::isnan(e) ? 1e9 : std::max(worst, e);
        }
    }
    return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("elementwise: add, multiply and scale", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : odd_sizes) {
        const auto a = waves<T>(n, 4, 0), b = waves<T>(n, 4, 1);
        std::vector<T> sum(n), product(n), scaled = a;
        kernel::add<T>(a, b, sum);
        kernel::multiply<T>(a, b, product);
        kernel::scale<T>(T(0.25), scaled);
        for (std::size_t i = 0; i < n; ++i) {
            wrong.compare(a[i] + b[i], sum[i], "add, n = ", n, ", element ", i);
            wrong.compare(a[i] * b[i], product[i], "multiply, n = ", n, ", element ", i);
            wrong.compare(a[i] / 4, scaled[i], "scale, n = ", n, ", element ", i);
        }
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("elementwise: relu and its gradient, zero at zero", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : odd_sizes) {
        auto x = waves<T>(n, 4, 0.4);
        x[n / 2] = 0;
        const auto dy = waves<T>(n, 4, 1.1);
        std::vector<T> y(n), dx(n);
        kernel::relu_forward<T>(x, y);
        kernel::relu_backward<T>(y, dy, dx);
        for (std::size_t i = 0; i < n; ++i) {
            wrong.compare(x[i] > 0 ? x[i] : 0, y[i], "y, n = ", n, ", element ", i);
            wrong.compare(x[i] > 0 ? dy[i] : 0, dx[i], "dx, n = ", n, ", element ", i);
        }
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("elementwise: sigmoid and its gradient", T, float, double) {
    CHECK(forward_error<T>([](auto x, auto y) { kernel::sigmoid_forward<T>(x, y); }, sigmoid) < tolerance<T>());
    const auto run = [](auto y, auto dy, auto dx) { kernel::sigmoid_backward<T>(y, dy, dx); };
    CHECK(backward_error<T>(run, sigmoid, true) < tolerance<T>());
}

TEST_CASE_TEMPLATE("elementwise: tanh and its gradient", T, float, double) {
    const auto f = [](double x) { return std::tanh(x); };
    CHECK(forward_error<T>([](auto x, auto y) { kernel::tanh_forward<T>(x, y); }, f) < tolerance<T>());
    const auto run = [](auto y, auto dy, auto dx) { kernel::tanh_backward<T>(y, dy, dx); };
    CHECK(backward_error<T>(run, f, true) < tolerance<T>());
}

TEST_CASE_TEMPLATE("elementwise: silu and its gradient", T, float, double) {
    const auto f = [](double x) { return x * sigmoid(x); };
    CHECK(forward_error<T>([](auto x, auto y) { kernel::silu_forward<T>(x, y); }, f) < tolerance<T>());
    const auto run = [](auto x, auto dy, auto dx) { kernel::silu_backward<T>(x, dy, dx); };
    CHECK(backward_error<T>(run, f, false) < tolerance<T>());
}

TEST_CASE_TEMPLATE("elementwise: gelu and its gradient", T, float, double) {
    CHECK(forward_error<T>([](auto x, auto y) { kernel::gelu_forward<T>(x, y); }, gelu) < tolerance<T>());
    const auto run = [](auto x, auto dy, auto dx) { kernel::gelu_backward<T>(x, dy, dx); };
    CHECK(backward_error<T>(run, gelu, false) < tolerance<T>());
}

TEST_CASE_TEMPLATE("elementwise: gelu with its derivative gives the bits of the two alone", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : odd_sizes) {
        const auto x = waves<T>(n, 4, 0.4);
        const std::vector<T> ones(n, T(1));
        std::vector<T> y(n), dydx(n), alone(n), derivative(n);
        kernel::gelu_with_derivative<T>(x, y, dydx);
        kernel::gelu_forward<T>(x, alone);
        kernel::gelu_backward<T>(x, ones, derivative);
        wrong.compare(alone, y, "y, n = ", n);
        wrong.compare(derivative, dydx, "dydx, n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("elementwise: activations work in place") {
    const auto x = waves<float>(33, 4, 0.4);
    auto in_place = x;
    std::vector<float> apart(33);
    kernel::gelu_forward<float>(x, apart);
    kernel::gelu_forward<float>(in_place, in_place);
    CHECK(in_place == apart);
}

TEST_CASE("elementwise: NaN is not hidden by an activation, in the body or the tail") {
    for (std::size_t i : {3u, 32u}) {
        std::vector<float> x(33, 1.f), y(33);
        x[i] = std::numeric_limits<float>::quiet_NaN();
        const auto stays = [&](auto run) {
            run(std::span<const float>{x}, std::span<float>{y});
            return std::isnan(y[i]) && !std::isnan(y[i - 1]);
        };
        CHECK(stays([](auto a, auto b) { kernel::relu_forward<float>(a, b); }));
        CHECK(stays([](auto a, auto b) { kernel::sigmoid_forward<float>(a, b); }));
        CHECK(stays([](auto a, auto b) { kernel::tanh_forward<float>(a, b); }));
        CHECK(stays([](auto a, auto b) { kernel::silu_forward<float>(a, b); }));
        CHECK(stays([](auto a, auto b) { kernel::gelu_forward<float>(a, b); }));
    }
}
