#include <tessera/vq/ema.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/larger.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

using namespace tessera;
using support::numbers;

namespace {

template <std::size_t K, std::size_t D, class T>
void update_from(CodebookState<K, D, T>& book, const std::vector<T>& x, const std::vector<Token>& tokens,
                 const EmaOptions& options = {}) {
    CodebookStatistics<K, D, T> batch;
    batch.add(x, tokens);
    ema_update(book, batch, options);
}

constexpr std::size_t book_size = 70, book_dim = 7, vectors = 211;  // three ranges of vectors, the last one not full

std::vector<Token> random_tokens(std::uint64_t seed) {
    Rng rng{seed};
    std::vector<Token> tokens(vectors);
    for (Token& t : tokens) t = static_cast<Token>(rng.below(book_size - 5));  // five vectors that no row chooses
    return tokens;
}

// The formula for all vectors, in double.
struct Twin {
    std::vector<double> weight, count, sum;

    template <class Book>
    explicit Twin(const Book& book)
        : weight(book.weight.span().begin(), book.weight.span().end()),
          count(book.count.span().begin(), book.count.span().end()),
          sum(book.sum.span().begin(), book.sum.span().end()) {}

    template <class T>
    void update(const std::vector<T>& x, const std::vector<Token>& tokens, double decay, double eps) {
        std::vector<double> n(book_size), s(book_size * book_dim);
        for (std::size_t m = 0; m < tokens.size(); ++m) {
            n[tokens[m]] += 1;
            for (std::size_t i = 0; i < book_dim; ++i)
                s[tokens[m] * book_dim + i] += static_cast<double>(x[m * book_dim + i]);
        }
        double total = 0;
        for (std::size_t k = 0; k < book_size; ++k) total += count[k] = decay * count[k] + (1 - decay) * n[k];
        for (std::size_t k = 0; k < book_size; ++k)
            for (std::size_t i = 0; i < book_dim; ++i) {
                double& m = sum[k * book_dim + i];
                m = decay * m + (1 - decay) * s[k * book_dim + i];
                weight[k * book_dim + i] =
                    m / ((count[k] + eps) / (total + static_cast<double>(book_size) * eps) * total);
            }
    }
};

template <class T>
double distance(const std::vector<double>& expected, std::span<const T> got) {
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
        worst = support::larger(worst, std::abs(expected[i] - static_cast<double>(got[i])));
    return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("ema_update: counts, sums and vectors are those of the formula, over several steps", T, float,
                   double) {
    CodebookState<book_size, book_dim, T> book;
    Rng rng{1};
    book.init(rng);
    Twin twin{book};
    const EmaOptions options{.decay = 0.75, .eps = 0x1p-10};  // exact in both types
    for (std::uint64_t step = 0; step < 4; ++step) {
        const auto x = numbers<T>(vectors * book_dim, step);
        const auto tokens = random_tokens(step);
        update_from(book, x, tokens, options);
        twin.update(x, tokens, 0.75, 0x1p-10);
    }
    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
    CHECK(distance<T>(twin.count, book.count.span()) < tolerance);
    CHECK(distance<T>(twin.sum, book.sum.span()) < tolerance);
    CHECK(distance<T>(twin.weight, book.weight.span()) < tolerance);
}

TEST_CASE("ema_update: one, two and three threads give the same bits") {
    CHECK(support::same_for_threads([] {
        CodebookState<book_size, book_dim, float> book;
        Rng rng{1};
        book.init(rng);
        const auto x = numbers<float>(vectors * book_dim, 2);
        const auto tokens = random_tokens(3);
        for (int step = 0; step < 3; ++step) update_from(book, x, tokens);
        return support::hash_bits(book);
    }));
}

TEST_CASE("ema_update: a vector that no row chose does not move, because N and m decay together") {
    CodebookState<book_size, book_dim, double> book;
    Rng rng{1};
    book.init(rng);
    const auto before = book;
    const auto x = numbers<double>(vectors * book_dim, 2);
    const std::vector<Token> tokens(vectors, 3);
    update_from(book, x, tokens);
    double moved = 0;
    for (std::size_t i = 0; i < book_size * book_dim; ++i)
        if (i / book_dim != 3) moved = std::max(moved, std::abs(book.weight[i] / before.weight[i] - 1));
    CHECK(moved < 1e-5);  // the smoothing's share
    CHECK(std::abs(book.weight[3 * book_dim] / before.weight[3 * book_dim] - 1) > 1e-2);
}

TEST_CASE("ema_update: a vector whose count has decayed stays where it is until it is chosen again") {
    CodebookState<2, 3, float> book;
    const float near[] = {1, 2, 3}, far[] = {100, 200, 300};
    book.place(0, near, 50.f);
    book.place(1, far, 1.f);
    const std::vector<float> x{1, 2, 3}, y{90, 210, 300};
    const std::vector<Token> first{0}, second{1};
    for (int step = 0; step < 3000; ++step) update_from(book, x, first);
    CHECK(book.count[1] < 1e-3f);
    CHECK(std::abs(book.weight[3] - 100) < 1);
    CHECK(std::abs(book.weight[5] - 300) < 3);
    for (int step = 0; step < 3000; ++step) update_from(book, y, second);
    CHECK(std::abs(book.weight[3] - 90) < 0.1f);
    CHECK(std::abs(book.weight[4] - 210) < 0.1f);
}

TEST_CASE("ema_update: a rate counts in the precision of the codebook, as when options were floats") {
    const auto updated = [](const EmaOptions& options) {
        CodebookState<book_size, book_dim, float> book;
        Rng rng{1};
        book.init(rng);
        for (std::uint64_t step = 0; step < 3; ++step)
            update_from(book, numbers<float>(vectors * book_dim, step), random_tokens(step), options);
        return support::hash_bits(book);
    };
    CHECK(updated({}) == updated({.decay = double{0.99f}, .eps = double{1e-5f}}));
    CHECK(updated({.decay = 0.9, .eps = 1e-3}) == updated({.decay = double{0.9f}, .eps = double{1e-3f}}));
    CHECK(updated({}) != updated({.decay = 0.98}));
    CHECK(updated({}) != updated({.eps = 1e-2}));
}

TEST_CASE("ema_update: without eps a vector that no row chooses stays, also when its count has become 0") {
    CodebookState<2, 1, float> book;
    book.weight[0] = 1;
    book.weight[1] = 5;
    book.count[0] = 1;
    book.sum[0] = 1;
    for (int i = 0; i < 10; ++i) update_from<2, 1, float>(book, {2, 2}, {0, 0}, {.eps = 0});
    CHECK(book.weight[0] > 1);
    CHECK(book.count[1] == 0);
    CHECK(book.weight[1] == 5);
}
