#include <tessera/kernel/gemm/gemm.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <tessera/testing/detail/full_team.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t inner_sizes[] = {1, 7, 31, 128};
constexpr std::size_t widths[] = {1, 7, 16, 17, 33, 64, 129, 200};
constexpr std::size_t heights[] = {1, 2, 3, 5, 6, 7, 12, 13, 14, 15, 31, 64, 65, 71, 72, 73, 145, 150};

// y = relu((mask > 0 ? bias + x b : 0) + add) in S, one sum after another in the order of k; bias is what a sum starts
// from.
template <class S, class T>
std::vector<T> product(std::size_t rows, std::size_t k, std::size_t n, const T* x, std::size_t ldx, const T* b,
                       std::size_t ldb, const T* bias, const T* add, const T* mask, std::size_t ldy, bool relu) {
    std::vector<T> y(rows * ldy, T(7));
    for (std::size_t m = 0; m < rows; ++m)
        for (std::size_t j = 0; j < n; ++j) {
            S sum = bias ? static_cast<S>(bias[j]) : S(0);
            for (std::size_t i = 0; i < k; ++i)
                sum = kernel::simd::fma(static_cast<S>(x[m * ldx + i]), static_cast<S>(b[i * ldb + j]), sum);
            if (mask && !(mask[m * ldy + j] > T(0))) sum = S(0);
            if (add) sum += static_cast<S>(add[m * ldy + j]);
            y[m * ldy + j] = static_cast<T>(relu && sum < S(0) ? S(0) : sum);
        }
    return y;
}

}  // namespace

TEST_CASE_TEMPLATE("gemm: y = relu((mask > 0 ? bias + x B : 0) + add), and nothing outside y is written", T, float,
                   double) {
    constexpr std::size_t most = 150;
    double worst = 0;
    support::Mismatch wrong;
    for (const std::size_t k : inner_sizes)
        for (const std::size_t n : widths) {
            const std::size_t ldx = k + 1, ldy = n + 2;
            const auto x = numbers<T>(most * ldx, k), b = numbers<T>(k * n, n), bias = numbers<T>(n, 3),
                       add = numbers<T>(most * ldy, 4), mask = numbers<T>(most * ldy, 5);
            kernel::Panels<T> panels;
            panels.pack(k, n, b.data(), n, 1);
            unsigned parts = 0;
            for (const std::size_t rows : heights)
                for (unsigned i = 0; i < 5; ++i) {  // with 18 heights all 16 combinations come, at every height some
                    parts = (parts + 1) % 16;
                    const T* with_bias = parts & 1 ? bias.data() : nullptr;
                    const T* with_add = parts & 2 ? add.data() : nullptr;
                    const T* with_mask = parts & 8 ? mask.data() : nullptr;
                    const bool relu = (parts & 4) != 0;
                    const auto expected = [&]<class S>(S) {
                        return product<S, T>(rows, k, n, x.data(), ldx, b.data(), n, with_bias, with_add, with_mask,
                                             ldy, relu);
                    };
                    std::vector<T> y(rows * ldy, T(7));
                    kernel::gemm<T>(rows, x.data(), ldx, panels, y.data(), ldy,
                                    {.bias = with_bias, .mask = with_mask, .add = with_add, .relu = relu});
                    worst = support::larger(worst, distance(expected(0.), y));
                    if constexpr (std::is_same_v<T, float>)
                        wrong.compare(expected(0.f), y, "k = ", k, ", n = ", n, ", rows = ", rows, ", parts = ", parts);
                }
        }
    CHECK(worst < 30);
    CHECK(wrong.first() == "");  // one chain of fma an output: neither the tile nor the width of a register shows
}

TEST_CASE_TEMPLATE("gemm: multiplies by a corner of B only", T, float, double) {
    constexpr std::size_t k = 37, n = 170, most = 16;
    const auto x = numbers<T>(most * k, 1), b = numbers<T>(k * n, 2);
    kernel::Panels<T> panels;
    panels.pack(k, n, b.data(), n, 1);
    double worst = 0;
    for (const std::size_t ck : {1u, 8u, 37u})
        for (const std::size_t cn : {1u, 32u, 33u, 69u, 129u, 170u})
            for (const std::size_t rows : {std::size_t{1}, std::size_t{2}, std::size_t{3}, most}) {
                std::vector<T> y(rows * cn, T(7));
                kernel::gemm<T>(rows, x.data(), k, panels, {ck, cn}, y.data(), cn);
                worst = support::larger(worst, distance(product<double, T>(rows, ck, cn, x.data(), k, b.data(), n,
                                                                           nullptr, nullptr, nullptr, cn, false),
                                                        y));
            }
    CHECK(worst < 30);
}

TEST_CASE("gemm: no rows write nothing") {
    const auto b = numbers<float>(12, 1);
    kernel::Panels<float> panels;
    panels.pack(3, 4, b.data(), 4, 1);
    float y = 7;
    kernel::gemm<float>(0, b.data(), 3, panels, &y, 4);
    CHECK(y == 7);
}

TEST_CASE_TEMPLATE("gemm: a team without rows writes nothing, and y may be null", T, float, double) {
    constexpr std::size_t k = 3, n = 2 * kernel::panel_width + 1;
    const auto b = numbers<T>(k * n, 1);
    kernel::Panels<T> panels;
    panels.pack(k, n, b.data(), n, 1);
    std::vector<std::size_t> columns(2);
    tessera::testing::detail::run_full_team(2, 1, [&](const kernel::Worker& me, std::size_t) {
        columns[me.id()] = kernel::gemm<T>(me, 0, nullptr, k, panels, nullptr, n).count;
    });
    CHECK(columns[0] + columns[1] == n);
}

TEST_CASE_TEMPLATE(
    "gemm: columns from the middle of B are those of the whole product, and y may be the operand that is added", T,
    float, double) {
    constexpr std::size_t k = 19, n = 5 * kernel::panel_width + 3, most = 16;
    const auto x = numbers<T>(most * k, 1), b = numbers<T>(k * n, 2), before = numbers<T>(most * n, 3);
    kernel::Panels<T> panels;
    panels.pack(k, n, b.data(), n, 1);
    for (const std::size_t rows : {std::size_t{1}, std::size_t{2}, std::size_t{3}, most}) {
        std::vector<T> whole(before), parts(before);
        kernel::gemm<T>(rows, x.data(), k, panels, whole.data(), n, {.add = before.data()});
        for (std::size_t first = 0; first < n; first += 2 * kernel::panel_width) {
            const std::size_t columns = std::min(2 * kernel::panel_width, n - first);
            kernel::gemm<T>(rows, x.data(), k, panels, {.k = k, .n = columns, .first = first}, parts.data() + first, n,
                            {.add = parts.data() + first});
        }
        double worst = 0;
        for (std::size_t i = 0; i < rows * n; ++i)
            worst = support::larger(worst, std::abs(static_cast<double>(whole[i]) - static_cast<double>(parts[i])));
        CHECK(worst == 0);  // one chain of fma for each number of y, wherever the columns are cut
    }
}
