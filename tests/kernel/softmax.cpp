#include <tessera/kernel/softmax.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

using support::waves;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t classes[] = {1, 7, 8, 9, 31, 33, 512};

template <class T>
std::vector<double> plain(const std::vector<T>& x) {
    double m = -1e300, s = 0;
    for (T v : x) m = std::max(m, static_cast<double>(v));
    for (T v : x) s += std::exp(static_cast<double>(v) - m);
    std::vector<double> y;
    for (T v : x) y.push_back(std::exp(static_cast<double>(v) - m) / s);
    return y;
}

}  // namespace

TEST_CASE_TEMPLATE("softmax: agrees with plain scalars", T, float, double) {
    double worst = 0;
    for (std::size_t n : classes) {
        auto x = waves<T>(n, 9);
        const auto exact = plain(x);
        kernel::softmax<T>(std::span<T>{x});
        for (std::size_t i = 0; i < n; ++i)
            worst = support::larger(worst, std::abs(static_cast<double>(x[i]) / exact[i] - 1));
    }
    CHECK(worst < (std::is_same_v<T, float> ? 2e-6 : 1e-14));
}

TEST_CASE_TEMPLATE("softmax: in place and into another array give the same bits", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : classes) {
        auto x = waves<T>(n, 9);
        std::vector<T> y(n);
        kernel::softmax<T>(x, y);
        kernel::softmax<T>(std::span<T>{x});
        wrong.compare(y, x, "n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("softmax: the sum alone has the bits of the sum of the row that is written", T, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : classes) {
        const auto x = waves<T>(n, 9);
        std::vector<T> y(n);
        wrong.compare(kernel::exp_row<T>(x, T(9), y), kernel::sum_exp<T>(x, T(9)), "n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("softmax: large logits do not overflow, and minus infinity is never drawn", T, float, double) {
    const T inf = std::numeric_limits<T>::infinity();
    std::vector<T> x{T(30000), -inf, T(30000), T(-30000), T(29900)};
    kernel::softmax<T>(std::span<T>{x});
    CHECK(x == std::vector<T>{T(0.5), 0, T(0.5), 0, 0});
    std::vector<T> alone{T(-30000)};
    kernel::softmax<T>(std::span<T>{alone});
    CHECK(alone[0] == 1);
}

TEST_CASE("softmax: a NaN makes the whole row NaN, wherever it is") {
    support::Mismatch wrong;
    for (std::size_t i : {0u, 5u, 16u, 32u}) {
        auto x = waves<float>(33, 9);
        x[i] = std::numeric_limits<float>::quiet_NaN();
        kernel::softmax<float>(std::span<float>{x});
        for (std::size_t j = 0; j < x.size(); ++j) wrong.require(std::isnan(x[j]), "NaN at ", j, ", NaN in x at ", i);
    }
    CHECK(wrong.first() == "");
}
