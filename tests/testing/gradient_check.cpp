#include <tessera/testing/gradient_check.hpp>

#include <doctest/doctest.h>

using namespace tessera;

namespace {

// y = x^2; Off moves the gradient of one element.
template <std::size_t Off, StaticShape In, std::floating_point T>
struct SquareLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
        for (std::size_t i = 0; i < x.elements(); ++i) y.data()[i] = x.data()[i] * x.data()[i];
    }
    static void backward(const Params&, View<const T, In> x, View<const T, In>, View<const T, In> dy, View<T, In> dx,
                         Cache&, Params&) {
        for (std::size_t i = 0; i < x.elements(); ++i) dx.data()[i] = 2 * x.data()[i] * dy.data()[i];
        if (Off < x.elements()) dx.data()[Off] += T(1e-4);
    }
};
template <std::size_t Off>
struct Square {
    template <StaticShape In, std::floating_point T>
    using Bind = SquareLayer<Off, In, T>;
};

}  // namespace

TEST_CASE("check_gradient: the right gradient passes at the tolerance of the differences themselves") {
    CHECK(testing::check_gradient<Square<99>, Shape<7>>({.tolerance = 1e-9}));
}

TEST_CASE("check_gradient: one wrong element is named, with the shapes where the layer has no name") {
    const auto result = testing::check_gradient<Square<3>, Shape<7>>();
    CHECK(result.message.starts_with("layer 7 -> 7: gradient: dx[3]: expected "));
}

TEST_CASE("check_gradient: with few differences, one in each part of the leaf") {
    CHECK(testing::check_gradient<Square<500>, Shape<1000>>({.batch = 1, .max_differences = 4}));
    CHECK_FALSE(testing::check_gradient<Square<500>, Shape<1000>>({.batch = 1, .max_differences = 1000}));
}

TEST_CASE("check_gradient: options with which nothing would be compared are refused") {
    CHECK(testing::check_gradient<Square<500>, Shape<7>>({.batch = 0}).message ==
          "layer 7 -> 7: gradient: batch: expected at least 1, got 0");
    CHECK(testing::check_gradient<Square<500>, Shape<7>>({.max_differences = 0}).message ==
          "layer 7 -> 7: gradient: max_differences: expected at least 1, got 0");
}

TEST_CASE("fill_apart: no two values are close, and none is close to zero") {
    for (const std::size_t n : {1u, 2u, 7u, 8u, 999u}) {
        std::vector<double> x(n);
        Rng rng{5};
        testing::detail::fill_apart<double>(x, rng);
        std::ranges::sort(x);
        double nearest = 4;
        for (std::size_t i = 0; i < n; ++i) {
            nearest = std::min(nearest, 2 * std::abs(x[i]));
            if (i > 0) nearest = std::min(nearest, x[i] - x[i - 1]);
        }
        CHECK(nearest >= 1.99 / static_cast<double>(n));
    }
}
