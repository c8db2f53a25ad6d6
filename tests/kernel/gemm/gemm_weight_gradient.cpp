#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

using support::distance;
using support::numbers;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t depths[] = {1, 7, 31, 128, 130, 257};
constexpr std::size_t columns[] = {1, 7, 16, 17, 33, 64, 129, 288, 1024};

}  // namespace

TEST_CASE_TEMPLATE("gemm_weight_gradient: adds x^T dy to dB, and writes nothing outside dB", T, float, double) {
    double worst = 0;
    tessera::Buffer<T> copies;
    for (const std::size_t rows : {0u, 1u, 31u, 196u, 197u, 400u})
        for (const std::size_t k : depths)
            for (const std::size_t n : columns) {
                if ((rows == 196 || rows == 400) && k * n > 60'000)
                    continue;  // half of the scalar twin's time; 197 rows stay
                const std::size_t ldx = k + 1, ldy = n + 3, ldb = n + 2;
                const auto x = numbers<T>(rows * ldx, 1), dy = numbers<T>(rows * ldy, 2),
                           start = numbers<T>(k * ldb, 3);
                auto db = start, expected = start;
                kernel::gemm_weight_gradient<T>(rows, k, n, x.data(), ldx, dy.data(), ldy, db.data(), ldb, copies);
                for (std::size_t i = 0; i < k; ++i)
                    for (std::size_t j = 0; j < n; ++j) {
                        double sum = static_cast<double>(start[i * ldb + j]);
                        for (std::size_t m = 0; m < rows; ++m)
                            sum += static_cast<double>(x[m * ldx + i]) * static_cast<double>(dy[m * ldy + j]);
                        expected[i * ldb + j] = static_cast<T>(sum);
                    }
                worst = support::larger(worst, distance(expected, db));
            }
    CHECK(worst < 60);
}

TEST_CASE("gemm_weight_gradient: cutting the rows into blocks changes no bit") {
    constexpr std::size_t rows = 450, k = 29, n = 41;
    const auto x = numbers<float>(rows * k, 1), dy = numbers<float>(rows * n, 2);
    std::vector<float> whole(k * n, 0.5f);
    tessera::Buffer<float> copies;
    kernel::gemm_weight_gradient<float>(rows, k, n, x.data(), k, dy.data(), n, whole.data(), n, copies);
    support::Mismatch wrong;
    for (const std::size_t block : {1u, 5u, 195u, 196u, 300u}) {
        std::vector<float> db(k * n, 0.5f);
        for (std::size_t m = 0; m < rows; m += block)
            kernel::gemm_weight_gradient<float>(std::min<std::size_t>(block, rows - m), k, n, x.data() + m * k, k,
                                                dy.data() + m * n, n, db.data(), n, copies);
        wrong.compare(whole, db, "block = ", block);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("column_sums: adds the rows in their order", T, float, double) {
    support::Mismatch wrong;
    for (const std::size_t rows : {0u, 1u, 14u, 77u})
        for (const std::size_t n : {1u, 7u, 16u, 17u, 33u, 64u, 65u, 130u}) {
            const std::size_t ldy = n + 3;
            const auto dy = numbers<T>(rows * ldy, n), start = numbers<T>(n + 1, 5);
            auto db = start, expected = start;
            kernel::column_sums<T>(rows, n, dy.data(), ldy, db.data());
            for (std::size_t m = 0; m < rows; ++m)
                for (std::size_t j = 0; j < n; ++j) expected[j] += dy[m * ldy + j];
            wrong.compare(expected, db, "rows = ", rows, ", n = ", n);
        }
    CHECK(wrong.first() == "");
}
