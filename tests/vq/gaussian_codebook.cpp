#include <tessera/vq/gaussian_codebook.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

using namespace tessera;

namespace gaussian_codebook_test {

namespace {

struct Verdict {
    std::size_t rows = 0, near_ties = 0;
};
// The first form of the head comment in double. Where the two best differ by less than 1e-5, either may be chosen.
template <std::size_t K, std::size_t D, class T>
void judge(std::size_t rows, Verdict& verdict, support::Mismatch& wrong) {
    GaussianCodebook<K, D, T> book;
    book.draw();
    const auto z = support::numbers<T>(rows * 2 * D, K + rows);
    std::vector<Token> got(rows, no_token);
    book.most_likely(z, got, 0, rows);
    for (std::size_t m = 0; m < rows; ++m, ++verdict.rows) {
        std::vector<double> cost(K);
        for (std::size_t k = 0; k < K; ++k)
            for (std::size_t i = 0; i < D; ++i) {
                const double c = static_cast<double>(book.vectors()[k * D + i]);
                const double mean = static_cast<double>(z[m * 2 * D + i]);
                cost[k] += (c - mean) * (c - mean) * std::exp(-static_cast<double>(z[m * 2 * D + D + i])) - c * c;
            }
        const auto best = static_cast<std::size_t>(std::ranges::min_element(cost) - cost.begin());
        if (got[m] == best) continue;
        ++verdict.near_ties;
        wrong.require(got[m] < K && cost[got[m]] - cost[best] < 1e-5 * (1 + std::abs(cost[best])), "K ", K, ", D ", D,
                      ", row ", m, ": expected ", best, ", got ", got[m]);
    }
}

}  // namespace

TEST_CASE_TEMPLATE("GaussianCodebook: finds the vector with the largest ratio of densities", T, float, double) {
    Verdict verdict;
    support::Mismatch wrong;
    for (const std::size_t rows : {1, 5, 14, 15, 57}) {
        judge<2, 1, T>(rows, verdict, wrong);
        judge<31, 7, T>(rows, verdict, wrong);
        judge<33, 2, T>(rows, verdict, wrong);
        judge<513, 4, T>(rows, verdict, wrong);
    }
    judge<64, 1500, T>(9, verdict, wrong);  // several chunks of rows
    CHECK(wrong.first() == "");
    CHECK(verdict.near_ties < verdict.rows / 100);
}

TEST_CASE("GaussianCodebook: the vectors depend neither on K, the threads nor the scalar, and are standard normal") {
    GaussianCodebook<4096, 3, float> large;
    GaussianCodebook<100, 3, float> few;
    GaussianCodebook<100, 3, double> doubles;
    support::with_threads(3, [&] {
        large.draw();
        return 0;
    });
    few.draw();
    doubles.draw();
    CHECK(support::equal_values(large.vectors().first(300), few.vectors()));
    const std::vector<double> widened{few.vectors().begin(), few.vectors().end()};
    CHECK(support::equal_values(widened, doubles.vectors()));
    double sum = 0, squares = 0;
    for (const float c : large.vectors()) {
        sum += static_cast<double>(c);
        squares += static_cast<double>(c) * static_cast<double>(c);
    }
    CHECK(std::abs(sum / 12288) < 0.03);
    CHECK(squares / 12288 == doctest::Approx(1).epsilon(0.03));
    const auto before = large.vectors().data();
    large.draw();
    CHECK(large.vectors().data() == before);
}

TEST_CASE("GaussianCodebook: rows of a range only; NaN and overflow give no_token; absent tokens are zero") {
    GaussianCodebook<8, 2, float> book;
    book.draw();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> z{0, 0, 0, 0, nan, 0, 0, 0, 0, 0, nan, 0, 3e38f, 0, -20, 0};
    std::vector<Token> tokens(4, 77);
    book.most_likely(z, tokens, 1, 4);
    CHECK(support::first_difference(std::vector<Token>{77, no_token, no_token, no_token}, tokens) == "");
    tokens = {3, no_token};
    std::vector<float> q(4, 5);
    book.lookup(tokens, q);
    CHECK(q == std::vector<float>{book.vectors()[6], book.vectors()[7], 0, 0});
}

}  // namespace gaussian_codebook_test
