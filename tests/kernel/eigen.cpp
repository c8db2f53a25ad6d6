#include <tessera/kernel/eigen.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <vector>

namespace kernel = tessera::kernel;

TEST_CASE_TEMPLATE("eigen_map: a matrix of Eigen over rows at a distance, read and written in place", T, float,
                   double) {
    constexpr std::size_t rows = 3, columns = 4, stride = 7;
    auto x = support::numbers<T>(rows * stride, 1);
    const auto before = x;
    const auto read = kernel::eigen_map(before.data(), rows, columns, stride);
    auto write = kernel::eigen_map(x.data(), rows, columns, stride);
    REQUIRE(read.rows() == 3);
    REQUIRE(read.cols() == 4);
    write *= T(2);
    support::Mismatch wrong;
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < stride; ++j) {
            const T old = before[i * stride + j];
            if (j < columns)
                wrong.compare(old, read(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)), "read ", i, ", ",
                              j);
            wrong.compare(j < columns ? 2 * old : old, x[i * stride + j], "written ", i, ", ", j);
        }
    CHECK(wrong.first() == "");
}
