#include <tessera/loss/cross_entropy.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/numbers.hpp>

#include <golden/optim.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

using support::waves;
namespace ts = tessera;
using Tokens = std::vector<ts::Token>;

TEST_CASE_TEMPLATE("cross_entropy: loss and gradient are PyTorch's, with an ignored row", T, float, double) {
    std::vector<T> logits(45), d(45);
    for (std::size_t i = 0; i < 45; ++i) logits[i] = static_cast<T>((i * 7) % 11) - 5;
    const Tokens targets{0, 8, ts::no_token, 3, 4};
    const double sum = ts::cross_entropy<T>(logits, targets, d, T(0.25));
    CHECK(std::abs(sum / 4 - golden::cross_entropy[0]) < (std::is_same_v<T, float> ? 1e-6 : 1e-14));
    double worst = 0;
    for (std::size_t i = 0; i < 45; ++i)
        worst = support::larger(worst, std::abs(static_cast<double>(d[i]) - golden::cross_entropy_grad[i]));
    CHECK(worst < (std::is_same_v<T, float> ? 1e-7 : 1e-15));
}

TEST_CASE_TEMPLATE("cross_entropy: agrees with scalar code for any number of classes", T, float, double) {
    double loss_error = 0, grad_error = 0;
    for (std::size_t classes : {1u, 7u, 8u, 9u, 31u, 33u}) {
        const auto logits = waves<T>(3 * classes, 5);
        const Tokens targets{0, static_cast<ts::Token>(classes - 1), static_cast<ts::Token>(classes / 2)};
        std::vector<T> d(3 * classes);
        const double loss = ts::cross_entropy<T>(logits, targets, d, T(0.5));
        double exact = 0;
        for (std::size_t row = 0; row < 3; ++row) {
            double s = 0;
            const auto l = [&](std::size_t j) { return static_cast<double>(logits[row * classes + j]); };
            for (std::size_t j = 0; j < classes; ++j) s += std::exp(l(j));
            exact += std::log(s) - l(targets[row]);
            for (std::size_t j = 0; j < classes; ++j) {
                const double g = 0.5 * (std::exp(l(j)) / s - (j == targets[row] ? 1 : 0));
                grad_error = std::max(grad_error, std::abs(g - static_cast<double>(d[row * classes + j])));
            }
        }
        loss_error = std::max(loss_error, std::abs(loss - exact));
    }
    CHECK(loss_error < (std::is_same_v<T, float> ? 5e-6 : 1e-13));
    CHECK(grad_error < (std::is_same_v<T, float> ? 5e-7 : 1e-14));
}

TEST_CASE_TEMPLATE("cross_entropy: without a gradient, with one and in place give the same bits", T, float, double) {
    auto logits = waves<T>(4 * 33, 5);
    const Tokens targets{5, ts::no_token, 32, 0};
    std::vector<T> d(logits.size(), T(7));
    const double alone = ts::cross_entropy<T>(logits, targets);
    const double apart = ts::cross_entropy<T>(logits, targets, d, T(0.1));
    const double in_place = ts::cross_entropy<T>(logits, targets, logits, T(0.1));
    CHECK(alone == apart);
    CHECK(alone == in_place);
    CHECK(logits == d);
}

TEST_CASE("cross_entropy: blocks of rows add up to the batch") {
    const auto logits = waves<float>(4 * 9, 5);
    const Tokens targets{5, 1, 8, 0};
    std::vector<float> whole(36), parts(36);
    const double sum = ts::cross_entropy<float>(logits, targets, whole, 0.25f);
    double blocks = 0;
    for (std::size_t row = 0; row < 4; ++row)
        blocks += ts::cross_entropy<float>(std::span{logits}.subspan(row * 9, 9), std::span{targets}.subspan(row, 1),
                                           std::span{parts}.subspan(row * 9, 9), 0.25f);
    CHECK(blocks == sum);
    CHECK(whole == parts);
}

TEST_CASE("cross_entropy: equal logits cost log(classes), huge ones do not overflow") {
    const Tokens target{3};
    const std::vector<float> equal(512, 4.f);
    CHECK(ts::cross_entropy<float>(equal, target) == doctest::Approx(std::log(512.0)).epsilon(1e-7));
    std::vector<float> huge(9, -20000.f), d(9);
    huge[4] = 20000;
    CHECK(ts::cross_entropy<float>(huge, target, d, 1) == 40000);
    CHECK(d == std::vector<float>{0, 0, 0, -1, 1, 0, 0, 0, 0});
    CHECK(ts::cross_entropy<float>(huge, Tokens{4}, d, 1) == 0);
    CHECK(d == std::vector<float>(9));
}

TEST_CASE("cross_entropy: no rows give a loss of zero") {
    std::vector<float> d(18, 7.f);
    const std::vector<float> logits(18, 1.f);
    CHECK(ts::cross_entropy<float>({}, {}) == 0);
    CHECK(ts::cross_entropy<float>(logits, Tokens{ts::no_token, ts::no_token}, d, 1) == 0);
    CHECK(d == std::vector<float>(18));
}

TEST_CASE("cross_entropy: NaN propagates to loss and gradient, except from an ignored row") {
    auto logits = waves<float>(18, 5);
    std::vector<float> d(18);
    logits[4] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(ts::cross_entropy<float>(logits, Tokens{0, 1}, d, 1)));
    CHECK(std::isnan(d[0]));
    CHECK_FALSE(std::isnan(d[9]));
    CHECK(std::isfinite(ts::cross_entropy<float>(logits, Tokens{ts::no_token, 1}, d, 1)));
    CHECK(d[4] == 0);
}
