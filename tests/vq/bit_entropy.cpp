#include <tessera/vq/bit_entropy.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

using namespace tessera;

namespace bit_entropy_test {

namespace {

// The formulas of the head comment, number by number.
struct Twin {
    double entropy = 0, diversity = 0;
    std::vector<double> dv;
};
template <std::size_t Bits, class T>
Twin twin(const std::vector<T>& v, const std::vector<Token>& tokens, const std::vector<double>& mean,
          const BitEntropyOptions& options, double slope, double per_sample, double divisor) {
    Twin t{.dv = std::vector<double>(v.size())};
    const double w = static_cast<double>(options.weight) / per_sample;
    const double gamma = static_cast<double>(options.diversity_gamma);
    for (std::size_t i = 0; i < v.size(); ++i) {
        if (tokens[i / Bits] == no_token) continue;
        const double p = 1 / (1 + std::exp(-slope * static_cast<double>(v[i]))), P = mean[i % Bits];
        t.entropy -= w * (p * std::log(p) + (1 - p) * std::log(1 - p));
        t.diversity += w * gamma * (p * std::log(P) + (1 - p) * std::log(1 - P));
        const double dp = std::log((1 - p) / p) + gamma * std::log(P / (1 - P));
        t.dv[i] = w / divisor * dp * p * (1 - p) * slope;
    }
    return t;
}

template <class T, std::size_t Bits>
void same_as_twin(std::size_t rows, support::Mismatch& wrong) {
    using E = BitEntropy<Bits, T>;
    const BitEntropyOptions options{.weight = 0.5f, .diversity_gamma = 0.75f};
    const auto v = support::numbers<T>(rows * Bits, 3);
    std::vector<Token> tokens(rows);
    for (std::size_t m = 2; m < rows; m += 5) tokens[m] = no_token;
    typename E::Packed w;
    E::pack(options, T(3), w);
    std::vector<double> mean(Bits, 0.5);
    const auto sigmoid = [](T x) { return 1 / (1 + std::exp(-3 * static_cast<double>(x))); };
    if (rows > 1) {  // P of the whole batch, which is here one row more
        const auto all = support::numbers<T>((rows + 1) * Bits, 3);
        std::vector<T> scratch(all.size());
        E::pack_batch(all, scratch, w);
        for (std::size_t b = 0; b < Bits; ++b) {
            mean[b] = 0;
            for (std::size_t m = 0; m <= rows; ++m) mean[b] += sigmoid(all[m * Bits + b]);
            mean[b] /= static_cast<double>(rows + 1);
            wrong.require(std::abs(std::exp(w.log_set[b]) - mean[b]) < 1e-6 &&
                              std::abs(std::exp(w.log_clear[b]) + mean[b] - 1) < 1e-6,
                          "P of bit ", b, ": expected ", mean[b], ", got ", std::exp(w.log_set[b]));
        }
    }
    std::vector<T> scratch(v.size()), dv(v.size(), T(2));
    const auto sums = E::regularize(w, v, tokens, 4, scratch, dv, 7);
    const Twin expected = twin<Bits>(v, tokens, mean, options, 3, 4, 7);
    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;
    const auto near = [&](double a, double b, const char* what) {
        wrong.require(std::abs(a - b) <= tolerance * (1 + std::abs(a)), what, ", ", rows, " rows of ", Bits,
                      " bits: expected ", a, ", got ", b);
    };
    near(expected.entropy, sums.entropy, "entropy");
    near(expected.diversity, sums.diversity, "diversity");
    for (std::size_t i = 0; i < v.size(); ++i)
        near(expected.dv[i], static_cast<double>(dv[i]) - 2, "gradient");  // is added
}

}  // namespace

TEST_CASE_TEMPLATE("BitEntropy: terms, gradients and P are those of the formulas, for odd sizes and absent rows", T,
                   float, double) {
    support::Mismatch wrong;
    for (const std::size_t rows : {0, 1, 2, 3, 7, 8, 9, 31, 65}) {
        same_as_twin<T, 1>(rows, wrong);
        same_as_twin<T, 7>(rows, wrong);
        same_as_twin<T, 8>(rows, wrong);
        same_as_twin<T, 31>(rows, wrong);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("BitEntropy: with P of the batch, the gradient is that of the entropy of the mean") {
    constexpr std::size_t bits = 3, rows = 10;
    using E = BitEntropy<bits, double>;
    const BitEntropyOptions options{.weight = 1, .diversity_gamma = 2};
    auto v = support::numbers<double>(rows * bits, 5);
    const std::vector<Token> tokens(rows);
    std::vector<double> scratch(v.size()), dv(v.size());
    typename E::Packed w;
    E::pack(options, 1, w);
    E::pack_batch(v, scratch, w);
    std::ignore = E::regularize(w, v, tokens, 1, scratch, dv, rows);
    // mean H(p) - gamma H(mean p), differentiated by differences
    const auto loss = [&] {
        double sum = 0;
        const auto h = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
        for (std::size_t b = 0; b < bits; ++b) {
            double mean = 0;
            for (std::size_t m = 0; m < rows; ++m) {
                const double p = 1 / (1 + std::exp(-v[m * bits + b]));
                sum += h(p) / rows;
                mean += p / rows;
            }
            sum -= 2 * h(mean);
        }
        return sum;
    };
    support::Mismatch wrong;
    for (std::size_t i = 0; i < v.size(); ++i) {
        const double at = v[i], step = 1e-5;
        v[i] = at + step;
        const double above = loss();
        v[i] = at - step;
        const double slope = (above - loss()) / (2 * step);
        v[i] = at;
        wrong.require(std::abs(slope - dv[i]) < 1e-9, "dv[", i, "]: expected ", slope, ", got ", dv[i]);
    }
    CHECK(wrong.first() == "");
}

}  // namespace bit_entropy_test
