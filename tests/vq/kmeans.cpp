#include <tessera/vq/kmeans.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/vq/ema.hpp>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

using namespace tessera;

namespace {

constexpr std::size_t dims = 3, per_blob = 40;

double centre(std::size_t blob, std::size_t i) { return 500 * std::sin(static_cast<double>(blob * dims + i) * 1.7); }

// `blobs` clusters of radius 0.5; their vectors alternate.
template <class T>
std::vector<T> blobs_of(std::size_t blobs) {
    auto x = support::numbers<T>(blobs * per_blob * dims, 1);
    for (std::size_t m = 0; m < blobs * per_blob; ++m)
        for (std::size_t i = 0; i < dims; ++i)
            x[m * dims + i] = x[m * dims + i] * T(0.25) + static_cast<T>(centre(m % blobs, i));
    return x;
}

// k-means++ as in the paper: all distances in double, one serial sum of them.
template <std::size_t K, std::size_t D, class T>
void plain_seeds(CodebookState<K, D, T>& book, const std::vector<T>& x, Rng rng) {
    const std::size_t n = x.size() / D;
    std::vector<double> distance(n, 1.0);
    for (std::size_t k = 0; k < K; ++k) {
        double total = 0;
        for (const double d : distance) total += d;
        std::size_t row = 0;
        std::vector<T> e(D);
        if (total > 0) {
            double at = rng.uniform_double() * total;
            while (row + 1 < n && (at -= distance[row]) >= 0) ++row;
        } else {
            row = rng.below(static_cast<std::uint32_t>(n));
        }
        for (std::size_t i = 0; i < D; ++i)
            e[i] = total > 0 ? x[row * D + i] : x[row * D + i] * (T(1) + T(1e-3) * T(rng.normal()));
        book.place(k, e.data(), T(1));
        for (std::size_t m = 0; m < n; ++m) {
            double d = 0;
            for (std::size_t i = 0; i < D; ++i) {
                const double difference = static_cast<double>(x[m * D + i]) - static_cast<double>(e[i]);
                d = kernel::simd::fma(difference, difference, d);
            }
            distance[m] = k == 0 ? d : std::min(distance[m], d);
        }
    }
}
// Lloyd's steps, each of which searches everything.
template <std::size_t K, std::size_t D, class T>
void plain_steps(CodebookState<K, D, T>& book, const std::vector<T>& x, std::size_t steps) {
    const std::size_t n = x.size() / D;
    std::vector<Token> tokens(n);
    for (std::size_t step = 0; step < steps; ++step) {
        kernel::CodePanels<T> panels;
        panels.pack(K, D, book.weight.data());
        kernel::nearest_vector<T>(n, x.data(), D, panels, tokens.data());
        std::vector<double> sum(K * D), count(K);
        for (std::size_t m = 0; m < n; ++m) {
            count[tokens[m]] += 1;
            for (std::size_t i = 0; i < D; ++i) sum[tokens[m] * D + i] += static_cast<double>(x[m * D + i]);
        }
        for (std::size_t k = 0; k < K; ++k) {
            std::vector<T> mean(D);
            for (std::size_t i = 0; i < D; ++i) mean[i] = static_cast<T>(sum[k * D + i] / count[k]);
            if (count[k] > 0) book.place(k, mean.data(), static_cast<T>(count[k]));
        }
    }
}
template <std::size_t K, std::size_t D, class T>
void compare_with_plain(support::Mismatch& wrong, const char* data, const std::vector<T>& x) {
    for (const std::size_t steps : {0u, 1u, 2u, 3u, 10u}) {
        const auto book = std::make_unique<CodebookState<K, D, T>>(),
                   plain = std::make_unique<CodebookState<K, D, T>>();
        kmeans(*book, std::span<const T>{x}, Rng{3}, steps);
        with_fp_environment([&] {
            plain_seeds(*plain, x, Rng{3});
            plain_steps(*plain, x, steps);
        });
        wrong.compare_bits(plain->weight.span(), book->weight.span(), data, ", K = ", K, ", D = ", D, ", ", steps,
                           " steps, weight");
        wrong.compare_bits(plain->count.span(), book->count.span(), data, ", K = ", K, ", D = ", D, ", ", steps,
                           " steps, count");
        wrong.compare_bits(plain->sum.span(), book->sum.span(), data, ", K = ", K, ", D = ", D, ", ", steps,
                           " steps, sum");
    }
}
// Rows on a grid: many are equally far from two vectors, and many are equal.
template <class T>
std::vector<T> grid(std::size_t n) {
    auto x = support::numbers<T>(n, 8);
    for (T& v : x) v = std::round(v);
    return x;
}

}  // namespace

TEST_CASE_TEMPLATE("kmeans: up to 4096 rows, k-means++ and Lloyd's steps have the bits of the plain algorithm", T,
                   float, double) {
    support::Mismatch wrong;
    compare_with_plain<16, 3>(wrong, "numbers", support::numbers<T>(300 * 3, 5));
    compare_with_plain<100, 33>(wrong, "numbers", support::numbers<T>(500 * 33, 6));
    compare_with_plain<64, 1>(wrong, "numbers", support::numbers<T>(129, 7));
    compare_with_plain<60, 4>(wrong, "a grid", grid<T>(700 * 4));
    compare_with_plain<40, 2>(wrong, "a grid with more vectors than points", grid<T>(90 * 2));
    if constexpr (std::same_as<T, float>)
        compare_with_plain<256, 32>(wrong, "64 images", support::numbers<T>(3136 * 32, 9));
    CHECK(wrong.first() == "");
}

TEST_CASE("kmeans: above 4096 rows Lloyd's steps have the bits of steps that search everything") {
    constexpr std::size_t K = 200, D = 5;
    const auto x = support::numbers<float>(9000 * D, 5);
    support::Mismatch wrong;
    for (const std::size_t steps : {1u, 2u, 5u, 10u}) {
        CodebookState<K, D, float> book, plain;
        kmeans(book, std::span<const float>{x}, Rng{3}, steps);
        kmeans(plain, std::span<const float>{x}, Rng{3}, 0);
        with_fp_environment([&] { plain_steps(plain, x, steps); });
        wrong.compare(support::hash_bits(plain), support::hash_bits(book), "hash after ", steps, " steps");
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("kmeans: above 4096 rows k-means++ draws rows by their distance, from every part of the data") {
    // 3 chunks of 4096 rows at one point each, and one row far from each of them: all four must be drawn
    constexpr std::size_t chunk = 4096;
    std::vector<float> x(3 * chunk);
    for (std::size_t m = 0; m < x.size(); ++m) x[m] = static_cast<float>(m / chunk);
    x[2 * chunk + 17] = 500;
    support::Mismatch wrong;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CodebookState<4, 1, float> book;
        kmeans(book, std::span<const float>{x}, Rng{seed}, 0);
        std::vector<float> drawn(book.weight.span().begin(), book.weight.span().end());
        std::ranges::sort(drawn);
        wrong.compare(std::vector<float>{0, 1, 2, 500}, drawn, "seed ", seed);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("kmeans: 1, 2 and 3 threads give the same bits, below and above 4096 rows") {
    for (const std::size_t rows : {1000u, 13000u}) {
        CAPTURE(rows);
        const auto x = support::numbers<float>(rows * 7, 5);
        CHECK(support::same_for_threads([&] {
            CodebookState<300, 7, float> book;
            kmeans(book, std::span<const float>{x}, Rng{1});
            return support::hash_bits(book);
        }));
    }
}

TEST_CASE_TEMPLATE("kmeans: finds the clusters of the data, with their counts and sums", T, float, double) {
    constexpr std::size_t K = 6;
    const auto x = blobs_of<T>(K);
    support::Mismatch wrong;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CodebookState<K, dims, T> book;
        kmeans(book, std::span<const T>{x}, Rng{seed});
        for (std::size_t blob = 0; blob < K; ++blob) {
            double mean[dims]{};
            for (std::size_t m = blob; m < x.size() / dims; m += K)
                for (std::size_t i = 0; i < dims; ++i) mean[i] += static_cast<double>(x[m * dims + i]) / per_blob;
            std::size_t here = 0;
            for (std::size_t k = 0; k < K; ++k) {
                double error = 0, of_sum = 0;
                for (std::size_t i = 0; i < dims; ++i) {
                    error = std::max(error, std::abs(static_cast<double>(book.weight[k * dims + i]) - mean[i]));
                    of_sum =
                        std::max(of_sum, std::abs(static_cast<double>(book.sum[k * dims + i]) - mean[i] * per_blob));
                }
                here += error < 1e-3 && of_sum < 0.04 && book.count[k] == per_blob;
            }
            wrong.compare(1, here, "centres of blob ", blob, ", seed ", seed);
        }
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("kmeans: the same generator gives the same bits, and a different one another initialisation") {
    const auto x = support::numbers<float>(300 * dims, 5);
    CodebookState<16, dims, float> a, b, c;
    kmeans(a, std::span<const float>{x}, Rng{1});
    kmeans(b, std::span<const float>{x}, Rng{1});
    kmeans(c, std::span<const float>{x}, Rng{2});
    CHECK(support::hash_bits(a) == support::hash_bits(b));
    CHECK(support::hash_bits(a) != support::hash_bits(c));
}

TEST_CASE("kmeans: Lloyd's steps reduce the error of the k-means++ initialisation") {
    const auto x = support::numbers<float>(500 * dims, 5);
    double error[2];
    for (const std::size_t steps : {0u, 10u}) {
        CodebookState<12, dims, float> book;
        kmeans(book, std::span<const float>{x}, Rng{1}, steps);
        double sum = 0;
        for (std::size_t m = 0; m < 500; ++m) {
            double best = 1e300;
            for (std::size_t k = 0; k < 12; ++k) {
                double d = 0;
                for (std::size_t i = 0; i < dims; ++i)
                    d += std::pow(double{x[m * dims + i]} - double{book.weight[k * dims + i]}, 2);
                best = std::min(best, d);
            }
            sum += best;
        }
        error[steps > 0] = sum;
    }
    CHECK(error[1] < 0.9 * error[0]);
}

TEST_CASE("kmeans: with fewer rows than codebook vectors every row has a vector, and all vectors are at rows") {
    constexpr std::size_t K = 20, n = 6;
    const auto x = support::numbers<float>(n * dims, 1);
    CodebookState<K, dims, float> book;
    kmeans(book, std::span<const float>{x}, Rng{1});
    std::vector<std::size_t> at(n);
    std::size_t lost = 0;
    for (std::size_t k = 0; k < K; ++k) {
        std::size_t near = n;
        for (std::size_t m = 0; m < n; ++m) {
            double d = 0;
            for (std::size_t i = 0; i < dims; ++i)
                d = std::max(d, std::abs(double{book.weight[k * dims + i]} - double{x[m * dims + i]}));
            if (d < 0.02) near = m;
        }
        near < n ? ++at[near] : ++lost;
        CHECK(book.count[k] >= 1);
    }
    CHECK(lost == 0);
    CHECK(std::ranges::all_of(at, [](std::size_t codes) { return codes > 0; }));
}

TEST_CASE("kmeans: one row many times, and a single row of zeros, give finite codebook vectors") {
    CodebookState<4, dims, float> book;
    std::vector<float> x;
    for (int m = 0; m < 10; ++m) x.insert(x.end(), {1.f, 2.f, 3.f});
    kmeans(book, std::span<const float>{x}, Rng{1});
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(book.weight[k * dims + 2] - 3) < 0.02f);
    const std::vector<float> zero(dims);
    kmeans(book, std::span<const float>{zero}, Rng{1});
    CHECK(std::ranges::all_of(book.weight.span(), [](float v) { return v == 0; }));
}

TEST_CASE("kmeans: no rows, 2^32 rows, and rows whose squares overflow, are refused") {
    CodebookState<4, dims, float> book;
    CHECK(support::message<ArgumentError>([&] { kmeans(book, std::span<const float>{}, Rng{1}); }) ==
          "kmeans: vectors: expected at least one, got 0");
    // never read: the length is refused
    const float* none = nullptr;
    CHECK(support::message<ArgumentError>([&] {
              kmeans(book, std::span<const float>{none, (std::size_t{1} << 32) * dims}, Rng{1});
          }) == "kmeans: vectors: expected fewer than 2^32, got 4294967296");
    std::vector<float> x(8 * dims, 1.f);
    for (std::size_t i = 0; i < dims; ++i) x[5 * dims + i] = i % 2 ? -3e25f : 3e25f;
    CHECK(support::contains(support::message<NumericError>([&] { kmeans(book, std::span<const float>{x}, Rng{1}); }),
                            "no codebook vector is nearest: expected numbers whose squares are finite"));
}

TEST_CASE("kmeans, ema_update, WarmupCosine: the rounding mode of the host changes no bit") {
    const auto everything = [] {
        tessera::Rng rng{1};
        std::vector<float> x(300 * 3);
        {
            const tessera::FlushDenormals guard;
            for (float& v : x) v = rng.uniform();
        }
        tessera::CodebookState<16, 3, float> book;
        tessera::kmeans(book, std::span<const float>{x}, tessera::Rng{2});
        std::vector<tessera::Token> tokens(300);
        for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<tessera::Token>(i % 16);
        tessera::CodebookStatistics<16, 3, float> batch;
        batch.add(x, tokens);
        tessera::ema_update(book, batch, {});
        std::vector<double> all(book.weight.span().begin(), book.weight.span().end());
        for (std::size_t t = 0; t < 20; ++t)
            all.push_back(tessera::WarmupCosine{.lr = 3e-3, .warmup = 3, .steps = 20}(t));
        return all;
    };
    const auto usual = everything();
    for (const int rounding : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
        std::fesetround(rounding);
        const auto got = everything();
        std::fesetround(FE_TONEAREST);
        CHECK(got == usual);
    }
}
