#include <tessera/loss/mse.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>

#include <golden/optim.hpp>
#include <loss/pair.hpp>
#include <support/contract.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace ts = tessera;
using pair::output;
using pair::wanted;

TEST_CASE_TEMPLATE("Mse: loss and gradient are PyTorch's", T, float, double) {
    const auto y = output<T>(33), target = wanted<T>(33);
    std::vector<T> dy(33);
    const double sum = pair::loss_and_grad<ts::Mse, T>(y, target, dy, T(1) / 33);
    CHECK(std::abs(sum / 33 - golden::mse[0]) < 1e-7);
    double worst = 0;
    for (std::size_t i = 0; i < 33; ++i)
        worst = support::larger(worst, std::abs(static_cast<double>(dy[i]) - golden::mse_grad[i]));
    CHECK(worst < (std::is_same_v<T, float> ? 1e-7 : 1e-15));
}

TEST_CASE_TEMPLATE("Mse: agrees with scalar code for any length", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : {1u, 7u, 8u, 9u, 31u, 33u}) {
        const auto y = output<T>(n), target = wanted<T>(n);
        std::vector<T> dy(n + 1, T(-9));
        double sum = 0;
        const double loss = pair::loss_and_grad<ts::Mse, T>(y, target, std::span{dy}.first(n), T(0.5));
        for (std::size_t i = 0; i < n; ++i) {
            sum += static_cast<double>((y[i] - target[i]) * (y[i] - target[i]));  // exact: multiples of 1/256
            wrong.compare(y[i] - target[i], dy[i], "dy, n = ", n, ", element ", i);
        }
        wrong.compare(sum, loss, "loss_and_grad, n = ", n);
        wrong.compare(loss, pair::loss<ts::Mse, T>(y, target), "loss, n = ", n);
        wrong.compare(T(-9), dy[n], "past the end, n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("Mse: two blocks with one scale add up to the batch") {
    const auto y = output<float>(32), target = wanted<float>(32);
    std::vector<float> whole(32), parts(32);
    const double sum = pair::loss_and_grad<ts::Mse, float>(y, target, whole, 1.f / 32);
    double blocks = 0;
    for (std::size_t b : {0u, 16u})
        blocks += pair::loss_and_grad<ts::Mse, float>(std::span{y}.subspan(b, 16), std::span{target}.subspan(b, 16),
                                                      std::span{parts}.subspan(b, 16), 1.f / 32);
    CHECK(blocks == sum);
    CHECK(whole == parts);
}

TEST_CASE("Mse: the gradient may overwrite the output, and NaN propagates to both") {
    auto y = output<float>(33);
    const auto target = wanted<float>(33);
    std::vector<float> dy(33);
    pair::loss_and_grad<ts::Mse, float>(y, target, dy, 1);
    pair::loss_and_grad<ts::Mse, float>(y, target, y, 1);
    CHECK(y == dy);
    y[32] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(pair::loss_and_grad<ts::Mse, float>(y, target, dy, 1)));
    CHECK(std::isnan(dy[32]));
}

TEST_CASE("Mse: keeps the contract of losses") {
    CHECK(support::keeps_loss_contract<ts::Mse, ts::Shape<5, 5, 3>>());
    CHECK(support::keeps_loss_contract<ts::Mse, ts::Shape<1>>({.batch = 33}));
}
