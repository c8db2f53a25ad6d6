#include <tessera/kernel/adamw.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace kernel = tessera::kernel;

namespace {

template <class T>
struct Leaf {
    std::vector<T> p, grad, m, v;

    explicit Leaf(std::size_t n) : p(n), grad(n), m(n), v(n) {
        for (std::size_t i = 0; i < n; ++i) {
            const double x = static_cast<double>(i);
            p[i] = static_cast<T>(std::sin(x * 1.3) * 2);
            grad[i] = static_cast<T>(std::sin(x * 2.1 + 1));
            m[i] = static_cast<T>(std::sin(x * 0.7 + 2) / 2);
            v[i] = static_cast<T>(std::abs(std::sin(x * 0.9 + 3)) / 4);
        }
    }
};

template <class T>
constexpr kernel::AdamFactors<T> factors{.one_minus_beta1 = T(0.1),
                                         .beta2 = T(0.99),
                                         .one_minus_beta2 = T(0.01),
                                         .step = T(0.03),
                                         .root = T(1.25),
                                         .eps = T(1e-6),
                                         .keep = T(0.998),
                                         .l2 = T(0.01)};

template <class T>
void plain(const kernel::AdamFactors<T>& f, Leaf<T>& leaf) {
    namespace simd = kernel::simd;
    for (std::size_t i = 0; i < leaf.p.size(); ++i) {
        const T g = simd::fma(f.l2, leaf.p[i], leaf.grad[i]);
        leaf.m[i] = simd::fma(f.one_minus_beta1, g - leaf.m[i], leaf.m[i]);
        leaf.v[i] = simd::fma(f.one_minus_beta2 * g, g, f.beta2 * leaf.v[i]);
        const T ratio = leaf.m[i] / simd::fma(std::sqrt(leaf.v[i]), f.root, f.eps);
        leaf.p[i] = simd::fma(-f.step, ratio, f.keep * leaf.p[i]);
    }
}

}  // namespace

TEST_CASE_TEMPLATE("adamw_update: has the bits of plain scalars, for any length", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : {1u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u, 100u}) {
        Leaf<T> fast(n), slow(n);
        const auto grad = fast.grad;
        kernel::adamw_update<T>(factors<T>, fast.grad, fast.p, fast.m, fast.v);
        plain(factors<T>, slow);
        wrong.compare(slow.p, fast.p, "p, n = ", n);
        wrong.compare(slow.m, fast.m, "m, n = ", n);
        wrong.compare(slow.v, fast.v, "v, n = ", n);
        wrong.compare(grad, fast.grad, "grad, n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("adamw_update: writes nothing past the end", T, float, double) {
    Leaf<T> leaf(33);
    const Leaf<T> before = leaf;
    const auto head = [](auto& x) { return std::span{x}.first(19); };
    kernel::adamw_update<T>(factors<T>, head(before.grad), head(leaf.p), head(leaf.m), head(leaf.v));
    support::Mismatch wrong;
    for (std::size_t i = 19; i < 33; ++i) {
        wrong.compare(before.p[i], leaf.p[i], "p ", i);
        wrong.compare(before.m[i], leaf.m[i], "m ", i);
        wrong.compare(before.v[i], leaf.v[i], "v ", i);
    }
    CHECK(wrong.first() == "");
    CHECK(leaf.p[18] != before.p[18]);
}

TEST_CASE("adamw_update: a gradient of zero with no moments leaves the weight to the decay alone") {
    std::vector<float> p{2, -4, 1}, m(3), v(3);
    const std::vector<float> grad(3);
    auto f = factors<float>;
    f.l2 = 0;
    f.keep = 0.5f;
    kernel::adamw_update<float>(f, grad, p, m, v);
    CHECK(p == std::vector<float>{1, -2, 0.5f});
}

TEST_CASE("adamw_update: a NaN gradient affects its own weight only") {
    Leaf<float> leaf(17);
    leaf.grad[4] = std::numeric_limits<float>::quiet_NaN();
    kernel::adamw_update<float>(factors<float>, leaf.grad, leaf.p, leaf.m, leaf.v);
    std::size_t spoilt = 0;
    for (float x : leaf.p) spoilt += std::isnan(x);
    CHECK(spoilt == 1);
    CHECK(std::isnan(leaf.p[4]));
}
