#include <tessera/vq/codebook_state.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/mismatch.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

using namespace tessera;

TEST_CASE("CodebookState: four leaves under their names, of which a file holds all") {
    CHECK(support::names_of(CodebookState<4, 3, float>{}) ==
          std::vector<std::string>{"weight", "count", "sum", "grace"});
    CHECK(parameter_count(CodebookState<4, 3, float>{}) == 12 + 4 + 12 + 4);
}

TEST_CASE("CodebookState: place moves vector, count and sum together, and leaves the other vectors unchanged") {
    CodebookState<3, 2, double> book;
    const double x[] = {1.5, -2};
    book.place(1, x, 8);
    const std::vector<double> weight{0, 0, 1.5, -2, 0, 0}, sum{0, 0, 12, -16, 0, 0}, count{0, 8, 0};
    CHECK(std::vector<double>(book.weight.span().begin(), book.weight.span().end()) == weight);
    CHECK(std::vector<double>(book.sum.span().begin(), book.sum.span().end()) == sum);
    CHECK(std::vector<double>(book.count.span().begin(), book.count.span().end()) == count);
    CHECK(book.grace[1] == 0);
}

TEST_CASE_TEMPLATE("CodebookState: initialised as N(0, 1) with N = 1 and m = e, the same for the same generator", T,
                   float, double) {
    using Book = CodebookState<200, 40, T>;
    Rng first{5}, second{5}, other{6};
    Book a, b, c;
    a.init(first);
    b.init(second);
    c.init(other);
    double mean = 0, square = 0;
    support::Mismatch wrong;
    for (std::size_t i = 0; i < 8000; ++i) {
        mean += static_cast<double>(a.weight[i]) / 8000;
        square += static_cast<double>(a.weight[i] * a.weight[i]) / 8000;
        wrong.compare(a.weight[i], a.sum[i], "sum ", i);
    }
    for (std::size_t k = 0; k < 200; ++k) {
        wrong.compare(T(1), a.count[k], "count ", k);
        wrong.compare(T(0), a.grace[k], "grace ", k);
    }
    CHECK(std::abs(mean) < 0.04);
    CHECK(std::abs(square - 1) < 0.06);
    CHECK(wrong.first() == "");
    CHECK(support::hash_bits(a) == support::hash_bits(b));
    CHECK(support::hash_bits(a) != support::hash_bits(c));
}
