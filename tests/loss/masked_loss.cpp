#include <tessera/loss/masked_loss.hpp>

#include <doctest/doctest.h>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/loss/l1.hpp>
#include <tessera/loss/mse.hpp>

#include <golden/optim.hpp>
#include <loss/pair.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tessera;

namespace masked_loss_test {

namespace {

/// A loss on `batch` samples, with a mask.
template <class Spec, class T, StaticShape In>
struct Masked {
    using L = BindLoss<Spec, In, T>;
    Tensor<T, In> y, target, dy, scratch;
    Tensor<std::uint8_t, WithLastDim<In, 1>> mask;
    typename L::Packed w;
    typename L::Cache cache;
    typename L::Params grad;

    explicit Masked(std::size_t batch) : y{batch}, target{batch}, dy{batch}, mask{batch} {
        Rng rng{3};
        for (T& v : y.span()) v = static_cast<T>(rng.normal());
        for (T& v : target.span()) v = static_cast<T>(rng.normal());
        for (std::uint8_t& m : mask.span()) m = static_cast<std::uint8_t>(rng.below(3));
    }
    double loss(T scale) {
        return masked_loss_and_grad<L>(w, std::as_const(y), std::as_const(target), std::as_const(mask), dy.view(),
                                       cache, grad, scale, scratch);
    }
    double unmasked(T scale) {
        return L::loss_and_grad(w, std::as_const(y), std::as_const(target), dy.view(), cache, grad, scale);
    }
};

template <class Spec, class T>
double error_from(std::span<const double> want, std::span<const double> want_grad) {
    Masked<Spec, T, pair::Number> m{33};
    const auto y = pair::output<T>(33), target = pair::wanted<T>(33);
    for (std::size_t i = 0; i < 33; ++i) {
        m.y.data()[i] = y[i];
        m.target.data()[i] = target[i];
        m.mask.data()[i] = i % 3 != 1;
    }
    double worst = std::abs(m.loss(T(1) / 33) / 33 - want[0]);
    for (std::size_t i = 0; i < 33; ++i)
        worst = support::larger(worst, std::abs(static_cast<double>(m.dy.data()[i]) - want_grad[i]));
    return worst;
}

}  // namespace

static_assert(zero_at_target<BindLoss<Mse, Shape<3>, float>>() && zero_at_target<BindLoss<L1, Shape<3>, float>>());
static_assert(!zero_at_target<BindLoss<GaussianNll, Shape<3>, float>>(),
              "its value at the target is the logarithm of the variance");

TEST_CASE_TEMPLATE("masked_loss_and_grad: loss and gradient are PyTorch's", T, float, double) {
    const double tolerance = std::is_same_v<T, float> ? 1e-7 : 1e-15;
    CHECK(error_from<Mse, T>(golden::mse_masked, golden::mse_masked_grad) < tolerance);
    CHECK(error_from<L1, T>(golden::l1_masked, golden::l1_masked_grad) < tolerance);
}

TEST_CASE_TEMPLATE("masked_loss_and_grad: a pixel is masked with all its channels, and what it holds does not matter",
                   Of, Mse, L1) {
    using In = Shape<5, 3, 2>;
    Masked<Of, float, In> m{4};
    const double sum = m.loss(0.25f);
    double expected = 0;
    for (std::size_t i = 0; i < m.y.span().size(); ++i) {
        const double d = static_cast<double>(m.y.data()[i]) - static_cast<double>(m.target.data()[i]);
        if (m.mask.data()[i / 2] != 0) expected += std::is_same_v<Of, Mse> ? d * d : std::abs(d);
    }
    CHECK(sum == doctest::Approx(expected).epsilon(1e-6));
    const auto dy = m.dy;
    support::Mismatch wrong;
    for (std::size_t i = 0; i < m.y.span().size(); ++i)
        if (m.mask.data()[i / 2] == 0) {
            wrong.compare(0.f, dy.data()[i], "dy ", i);
            m.y.data()[i] *= -3;
            m.target.data()[i] = std::numeric_limits<float>::quiet_NaN();
        } else {
            wrong.require(dy.data()[i] != 0, "dy ", i, ": expected a gradient, got 0");
        }
    wrong.compare(sum, m.loss(0.25f), "sum");
    wrong.compare(dy.span(), std::as_const(m.dy).span(), "dy");
    CHECK(wrong.first() == "");
    m.y.data()[0] = std::numeric_limits<float>::quiet_NaN();
    m.mask.data()[0] = 0;
    CHECK(std::isnan(m.loss(0.25f)));
}

TEST_CASE_TEMPLATE("masked_loss_and_grad: where all pixels count, the bits are those without a mask", Of, Mse, L1) {
    for (const std::size_t batch : {1, 3, 40}) {
        CAPTURE(batch);
        Masked<Of, float, Shape<7, 5, 3>> m{batch};
        for (std::uint8_t& v : m.mask.span()) v = 255;
        const double sum = m.loss(0.1f);
        const auto dy = m.dy;
        support::Mismatch wrong;
        wrong.compare(m.unmasked(0.1f), sum, "sum");
        wrong.compare(std::as_const(m.dy).span(), dy.span(), "dy");
        CHECK(wrong.first() == "");
    }
}

TEST_CASE("masked_loss_and_grad: allocates nothing after the largest batch") {
    Masked<Mse, float, Shape<4, 4, 1>> m{9};
    static_cast<void>(m.loss(1));
    const std::size_t before = support::allocations();
    static_cast<void>(m.loss(1));
    CHECK(support::allocations() == before);
}

}  // namespace masked_loss_test
