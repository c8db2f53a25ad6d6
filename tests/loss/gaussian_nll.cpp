#include <tessera/loss/gaussian_nll.hpp>

#include <doctest/doctest.h>

#include <golden/fsq.hpp>
#include <loss/pair.hpp>
#include <support/contract.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ts = tessera;

namespace gaussian_nll_test {

namespace {

template <class T>
struct Gaussian {
    using L = ts::GaussianNllLoss<pair::Number, T>;
    typename L::Params params, grad;
    typename L::Packed w;
    typename L::Cache cache;

    explicit Gaussian(double log_variance, ts::GaussianNllOptions options = {}) {
        params.log_variance[0] = static_cast<T>(log_variance);
        L::pack(params, {}, options, w);
    }
    double operator()(const std::vector<T>& y, const std::vector<T>& target, std::vector<T>& dy, T scale) {
        return L::loss_and_grad(w, pair::samples<T>(y), pair::samples<T>(target), {dy.data(), dy.size()}, cache, grad,
                                scale);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("GaussianNll: loss and gradients are those of torch.nn.GaussianNLLLoss", T, float, double) {
    const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;
    const auto y = pair::output<T>(33), target = pair::wanted<T>(33);
    std::vector<T> dy(33);
    const std::span<const double> grads[] = {golden::gaussian_nll_narrow_grad, golden::gaussian_nll_wide_grad};
    const double losses[] = {golden::gaussian_nll_narrow[0], golden::gaussian_nll_wide[0]};
    const double variances[] = {golden::gaussian_nll_narrow_variance_grad[0],
                                golden::gaussian_nll_wide_variance_grad[0]};
    for (const bool wide : {false, true}) {
        Gaussian<T> loss{wide ? 0.75 : -1.5};
        CHECK(std::abs(loss(y, target, dy, T(1) / 33) / 33 - losses[wide]) < tolerance);
        CHECK(std::abs(static_cast<double>(loss.grad.log_variance[0]) - variances[wide]) < tolerance);
        double worst = 0;
        for (std::size_t i = 0; i < 33; ++i)
            worst = support::larger(worst, std::abs(static_cast<double>(dy[i]) - grads[wide][i]));
        CHECK(worst < tolerance);
    }
}

TEST_CASE("GaussianNll: keeps the contract of losses") {
    CHECK(support::keeps_loss_contract<ts::GaussianNll, ts::Shape<5, 5, 3>>());
    CHECK(support::keeps_loss_contract<ts::GaussianNll, ts::Shape<1>>({.batch = 33, .seed = 5}));
}

TEST_CASE("GaussianNll: the variance that minimises the loss is the mean squared error") {
    const auto y = pair::output<double>(33), target = pair::wanted<double>(33);
    double mse = 0;
    for (std::size_t i = 0; i < 33; ++i) mse += (y[i] - target[i]) * (y[i] - target[i]) / 33;
    std::vector<double> dy(33);
    const auto slope = [&](double variance) {
        Gaussian<double> loss{std::log(variance - 1e-6)};
        loss(y, target, dy, 1.0 / 33);
        return loss.grad.log_variance[0];
    };
    CHECK(std::abs(slope(mse)) < 1e-12);
    CHECK(slope(1.1 * mse) > 0.01);
    CHECK(slope(0.9 * mse) < -0.01);
}

TEST_CASE("GaussianNll: eps keeps loss and gradient finite for images that are reconstructed exactly") {
    const auto y = pair::output<float>(33);
    std::vector<float> dy(33);
    Gaussian<float> loss{-100, {.eps = 1e-4}};
    CHECK(loss(y, y, dy, 1) == doctest::Approx(33 * std::log(1e-4) / 2));
    CHECK(dy == std::vector<float>(33));
    CHECK(std::abs(loss.grad.log_variance[0]) < 1e-30f);
}

TEST_CASE("GaussianNll: the initial variance is one, there is one parameter, and the option has a name") {
    ts::GaussianNllLoss<pair::Number, float>::Params params;
    ts::Empty none;
    ts::Rng rng{1};
    ts::GaussianNllLoss<pair::Number, float>::init(params, none, rng);
    CHECK(params.log_variance[0] == 0);
    std::string names;
    decltype(params)::each([&](const ts::ParamPath& path, const auto&) { names += path.str(); }, params);
    CHECK(names == "log_variance");
    CHECK(ts::settings_of<ts::GaussianNllLoss<pair::Number, float>>({.eps = 0.5}) ==
          std::vector<ts::Setting>{{"eps", "0.5"}});
}

TEST_CASE("GaussianNll: an eps out of range is refused by name") {
    const auto refused = [](double eps) {
        return support::message<ts::ArgumentError>(
            [&] { ts::check_options<ts::GaussianNllLoss<pair::Number, float>>({.eps = eps}); });
    };
    CHECK(refused(1e-3) == "");
    CHECK(refused(0) == "GaussianNll: eps: expected a finite number > 0, got 0");
    CHECK(refused(-1) == "GaussianNll: eps: expected a finite number > 0, got -1");
    CHECK(refused(std::nan("")) == "GaussianNll: eps: expected a finite number > 0, got nan");
    CHECK(refused(std::numeric_limits<double>::infinity()) ==
          "GaussianNll: eps: expected a finite number > 0, got inf");
}

}  // namespace gaussian_nll_test
