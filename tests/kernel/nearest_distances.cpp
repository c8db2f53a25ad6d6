#include <tessera/kernel/nearest_distances.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <support/threads.hpp>
#include <tessera/core/fp_environment.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace kernel = tessera::kernel;

namespace {

// Adds the vectors one after another and compares all distances with those of a plain loop in double after each; and
// whether a row came closer.
template <class T>
void compare(support::Mismatch& wrong, const char* data, std::size_t width, const std::vector<T>& x,
             const std::vector<T>& vectors) {
    tessera::with_fp_environment([&] {
        const std::size_t rows = x.size() / width;
        kernel::NearestDistances<T> nearest(rows, width, x.data());
        std::vector<double> expected(rows, std::numeric_limits<double>::infinity());
        for (std::size_t k = 0; k < vectors.size() / width; ++k) {
            const T* e = vectors.data() + k * width;
            bool closer = false;
            for (std::size_t m = 0; m < rows; ++m) {
                double d = 0;
                for (std::size_t i = 0; i < width; ++i) {
                    const double difference = static_cast<double>(x[m * width + i]) - static_cast<double>(e[i]);
                    d = kernel::simd::fma(difference, difference, d);
                }
                if (expected[m] <= d) continue;
                expected[m] = d;
                closer = true;
            }
            const bool got = nearest.add(0, rows, e);
            wrong.compare(closer, got, data, ", ", rows, " rows x ", width, ", a row came closer to vector ", k);
            wrong.compare_bits(expected, std::span{nearest.data(), rows}, data, ", ", rows, " rows x ", width,
                               ", after vector ", k);
        }
    });
}

template <class T>
std::vector<T> scaled(std::vector<T> x, double factor) {
    for (T& v : x) v = static_cast<T>(static_cast<double>(v) * factor);
    return x;
}

}  // namespace

TEST_CASE_TEMPLATE("NearestDistances: has the bits of all distances in double, whatever float could decide", T, float,
                   double) {
    support::Mismatch wrong;
    for (const std::size_t rows : {1u, 63u, 64u, 65u, 200u})
        for (const std::size_t width : {1u, 7u, 15u, 16u, 17u, 32u, 65u}) {
            const auto x = support::numbers<T>(rows * width, rows), e = support::numbers<T>(20 * width, width);
            compare<T>(wrong, "numbers", width, x, e);
            // the squares of floats are denormal, or overflow
            compare<T>(wrong, "tiny numbers", width, scaled(x, 1e-20), scaled(e, 1e-20));
            compare<T>(wrong, "smallest numbers", width, scaled(x, 1e-38), scaled(e, 1e-38));
            compare<T>(wrong, "huge numbers", width, scaled(x, 1e19), scaled(e, 1e19));
            compare<T>(wrong, "largest numbers", width, scaled(x, 1.5e38), scaled(e, 1.5e38));
            // the same vector again, and vectors that differ from one before by roundings: nothing or little changes
            auto again = e;
            again.insert(again.end(), e.begin(), e.end());
            for (std::size_t i = 0; i < e.size(); ++i) again.push_back(std::nextafter(e[i], i % 3 ? T(9) : T(-9)));
            compare<T>(wrong, "nearly equal vectors", width, x, again);
            compare<T>(wrong, "the rows as vectors", width, x, x);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("NearestDistances: of a row or vector with NaN, only its distances are NaN", T, float, double) {
    constexpr std::size_t rows = 130, width = 5;
    auto x = support::numbers<T>(rows * width, 1), e = support::numbers<T>(3 * width, 2);
    x[70 * width + 2] = std::numeric_limits<T>::quiet_NaN();
    kernel::NearestDistances<T> nearest(rows, width, x.data());
    for (std::size_t k = 0; k < 3; ++k) nearest.add(0, rows, e.data() + k * width);
    for (const std::size_t m : {0u, 64u, 69u, 71u, 129u}) {
        CAPTURE(m);
        CHECK(std::isfinite(nearest.data()[m]));
    }
    CHECK(std::isnan(nearest.data()[70]));
    e[0] = std::numeric_limits<T>::quiet_NaN();
    nearest.add(0, rows, e.data());
    CHECK(std::isnan(nearest.data()[0]));
}

TEST_CASE("NearestDistances: rows can be added in ranges by several threads") {
    constexpr std::size_t rows = 1000, width = 9;
    const auto x = support::numbers<float>(rows * width, 1), e = support::numbers<float>(30 * width, 2);
    const auto distances = [&](std::size_t grain) {
        return [&, grain] {
            kernel::NearestDistances<float> nearest(rows, width, x.data());
            for (std::size_t k = 0; k < 30; ++k)
                kernel::for_chunks(rows, grain, [&](std::size_t begin, std::size_t end) {
                    nearest.add(begin, end, e.data() + k * width);
                });
            return std::vector<double>(nearest.data(), nearest.data() + rows);
        };
    };
    const auto one = support::with_threads(1, distances(rows));
    for (const std::size_t grain : {64u, 320u}) {
        CAPTURE(grain);
        CHECK(support::first_difference(one, support::with_threads(3, distances(grain))) == "");
    }
}
