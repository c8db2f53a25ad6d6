#include <tessera/kernel/gemm.hpp>

#include <doctest/doctest.h>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t inner[] = {1, 7, 31, 128};
constexpr std::size_t widths[] = {1, 7, 16, 17, 33, 64, 129, 200};

// y = relu(bias + x b + add) in S, one sum after another in the order of k; bias is what a sum starts from.
template <class S, class T>
std::vector<T> product(std::size_t rows, std::size_t k, std::size_t n, const T* x, std::size_t ldx, const T* b,
                       std::size_t ldb, const T* bias, const T* add, std::size_t ldy, bool relu) {
    std::vector<T> y(rows * ldy, T(7));
    for (std::size_t m = 0; m < rows; ++m)
        for (std::size_t j = 0; j < n; ++j) {
            S sum = bias ? static_cast<S>(bias[j]) : S(0);
            for (std::size_t i = 0; i < k; ++i)
                sum = kernel::simd::fma(static_cast<S>(x[m * ldx + i]), static_cast<S>(b[i * ldb + j]), sum);
            if (add) sum += static_cast<S>(add[m * ldy + j]);
            y[m * ldy + j] = static_cast<T>(relu && sum < S(0) ? S(0) : sum);
        }
    return y;
}

}  // namespace

TEST_CASE_TEMPLATE("gemm: y = relu(bias + x B + add), and nothing is written beside y", T, float, double) {
    double worst = 0;
    bool same_bits = true;
    for (const std::size_t k : inner)
        for (const std::size_t n : widths) {
            const std::size_t ldx = k + 1, ldy = n + 2;
            const auto x = numbers<T>(31 * ldx, k), b = numbers<T>(k * n, n), bias = numbers<T>(n, 3),
                       add = numbers<T>(31 * ldy, 4);
            kernel::Panels<T> panels;
            panels.pack(k, n, b.data(), n, 1);
            for (std::size_t rows = 1; rows <= 31; ++rows)
                for (unsigned parts = 0; parts < 8; ++parts) {
                    const T* with_bias = parts & 1 ? bias.data() : nullptr;
                    const T* with_add = parts & 2 ? add.data() : nullptr;
                    const bool relu = (parts & 4) != 0;
                    std::vector<T> y(rows * ldy, T(7));
                    kernel::gemm<T>(rows, x.data(), ldx, panels, y.data(), ldy,
                                    {.bias = with_bias, .add = with_add, .relu = relu});
                    worst = std::max(worst, distance(product<double, T>(rows, k, n, x.data(), ldx, b.data(), n, with_bias,
                                                                        with_add, ldy, relu), y));
                    if constexpr (std::is_same_v<T, float>)
                        same_bits &= y == product<float, T>(rows, k, n, x.data(), ldx, b.data(), n, with_bias, with_add,
                                                            ldy, relu);
                }
        }
    CHECK(worst < 30);
    CHECK(same_bits);  // one chain of fma an output: neither the tile nor the width of a register shows
}

TEST_CASE_TEMPLATE("gemm: a corner of B takes part alone", T, float, double) {
    constexpr std::size_t k = 37, n = 170, most = 16;
    const auto x = numbers<T>(most * k, 1), b = numbers<T>(k * n, 2);
    kernel::Panels<T> panels;
    panels.pack(k, n, b.data(), n, 1);
    double worst = 0;
    for (const std::size_t ck : {1u, 8u, 37u})
        for (const std::size_t cn : {1u, 32u, 33u, 69u, 129u, 170u})
            for (const std::size_t rows : {std::size_t{1}, most}) {
                std::vector<T> y(rows * cn, T(7));
                kernel::gemm<T>(rows, x.data(), k, panels, {ck, cn}, y.data(), cn);
                worst = std::max(worst, distance(product<double, T>(rows, ck, cn, x.data(), k, b.data(), n, nullptr, nullptr,
                                                                    cn, false), y));
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

TEST_CASE_TEMPLATE("gemm_adjoint: adds x^T dy to what is there, and to nothing beside it", T, float, double) {
    double worst = 0;
    for (const std::size_t rows : {1u, 31u, 196u, 197u, 400u})
        for (const std::size_t k : inner)
            for (const std::size_t n : widths) {
                const std::size_t ldx = k + 1, ldy = n + 3, ldb = n + 2;
                const auto x = numbers<T>(rows * ldx, 1), dy = numbers<T>(rows * ldy, 2), start = numbers<T>(k * ldb, 3);
                auto db = start, expected = start;
                kernel::gemm_adjoint<T>(rows, k, n, x.data(), ldx, dy.data(), ldy, db.data(), ldb);
                for (std::size_t i = 0; i < k; ++i)
                    for (std::size_t j = 0; j < n; ++j) {
                        double sum = static_cast<double>(start[i * ldb + j]);
                        for (std::size_t m = 0; m < rows; ++m)
                            sum += static_cast<double>(x[m * ldx + i]) * static_cast<double>(dy[m * ldy + j]);
                        expected[i * ldb + j] = static_cast<T>(sum);
                    }
                worst = std::max(worst, distance(expected, db));
            }
    CHECK(worst < 60);
}

TEST_CASE("gemm_adjoint: cutting the rows into blocks changes no bit") {
    constexpr std::size_t rows = 450, k = 29, n = 41;
    const auto x = numbers<float>(rows * k, 1), dy = numbers<float>(rows * n, 2);
    std::vector<float> whole(k * n, 0.5f);
    kernel::gemm_adjoint<float>(rows, k, n, x.data(), k, dy.data(), n, whole.data(), n);
    bool same = true;
    for (const std::size_t block : {1u, 5u, 195u, 196u, 300u}) {
        std::vector<float> db(k * n, 0.5f);
        for (std::size_t m = 0; m < rows; m += block)
            kernel::gemm_adjoint<float>(std::min<std::size_t>(block, rows - m), k, n, x.data() + m * k, k, dy.data() + m * n,
                                        n, db.data(), n);
        same &= db == whole;
    }
    CHECK(same);
}

TEST_CASE_TEMPLATE("column_sums: adds the rows in their order", T, float, double) {
    bool same = true;
    for (const std::size_t rows : {0u, 1u, 14u, 77u})
        for (const std::size_t n : {1u, 7u, 16u, 17u, 33u, 64u, 65u, 130u}) {
            const std::size_t ldy = n + 3;
            const auto dy = numbers<T>(rows * ldy, n), start = numbers<T>(n + 1, 5);
            auto db = start, expected = start;
            kernel::column_sums<T>(rows, n, dy.data(), ldy, db.data());
            for (std::size_t m = 0; m < rows; ++m)
                for (std::size_t j = 0; j < n; ++j) expected[j] += dy[m * ldy + j];
            same &= db == expected;
        }
    CHECK(same);
}

TEST_CASE_TEMPLATE("gemm: columns from the middle of B are those of the whole product, and y may be what is added", T, float,
                   double) {
    constexpr std::size_t k = 19, n = 5 * kernel::panel_width + 3, most = 16;
    const auto x = numbers<T>(most * k, 1), b = numbers<T>(k * n, 2), before = numbers<T>(most * n, 3);
    kernel::Panels<T> panels;
    panels.pack(k, n, b.data(), n, 1);
    for (const std::size_t rows : {std::size_t{1}, std::size_t{3}, most}) {
        std::vector<T> whole(before), parts(before);
        kernel::gemm<T>(rows, x.data(), k, panels, whole.data(), n, {.add = before.data()});
        for (std::size_t first = 0; first < n; first += 2 * kernel::panel_width) {
            const std::size_t columns = std::min(2 * kernel::panel_width, n - first);
            kernel::gemm<T>(rows, x.data(), k, panels, {.k = k, .n = columns, .first = first}, parts.data() + first, n,
                            {.add = parts.data() + first});
        }
        double worst = 0;
        for (std::size_t i = 0; i < rows * n; ++i)
            worst = std::max(worst, std::abs(static_cast<double>(whole[i]) - static_cast<double>(parts[i])));
        CHECK(worst <= (std::is_same_v<T, float> ? 0. : 1e-12));  // Eigen adds in an order of its own
    }
}
