#include <tessera/vq/quantize.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <tessera/vq/codebook_state.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

using namespace tessera;
using support::numbers;

namespace {

template <class T>
PackedCodes<T> packed(const CodebookState<5, 3, T>& book) {
    PackedCodes<T> codes;
    codes.pack(book);
    return codes;
}
template <class T>
CodebookState<5, 3, T> five_codes() {
    CodebookState<5, 3, T> book;
    Rng rng{1};
    book.init(rng);
    return book;
}

}  // namespace

TEST_CASE_TEMPLATE("quantize: q holds the codebook vectors of the tokens, and a codebook vector is its own nearest", T,
                   float, double) {
    const auto book = five_codes<T>();
    const auto codes = packed(book);
    std::vector<T> z(book.weight.span().begin(), book.weight.span().end()), q(15, T(7));
    std::vector<Token> tokens(5, 9);
    quantize(codes, std::span<const T>{z}, std::span<Token>{tokens}, std::span<T>{q});
    CHECK(tokens == std::vector<Token>{0, 1, 2, 3, 4});
    CHECK(q == z);
    for (std::size_t i = 0; i < 15; ++i)
        z[i] = z[14 - i / 3 * 3 - (2 - i % 3)] + T(1e-3);  // the codebook vectors in reverse order
    quantize(codes, std::span<const T>{z}, std::span<Token>{tokens}, std::span<T>{q});
    CHECK(tokens[0] == 4);
    support::Mismatch wrong;
    for (std::size_t i = 0; i < 15; ++i)
        wrong.compare(book.weight[tokens[i / 3] * std::size_t{3} + i % 3], q[i], "element ", i);
    CHECK(wrong.first() == "");
}

TEST_CASE("quantize: NaN, and a number whose square overflows, are NumericErrors with their index") {
    const auto codes = packed(five_codes<float>());
    const auto refuse = [&](std::size_t at, float value) {
        auto z = numbers<float>(30, 2);
        z[at] = value;
        std::vector<float> q(30);
        std::vector<Token> tokens(10);
        return support::message<NumericError>(
            [&] { quantize(codes, std::span<const float>{z}, std::span<Token>{tokens}, std::span<float>{q}); });
    };
    CHECK(refuse(16, std::numeric_limits<float>::quiet_NaN()) ==
          "VqVae: encoder output 16: expected a finite number, got nan");
    const auto book = five_codes<float>();
    auto z = numbers<float>(30, 2);
    for (std::size_t i = 21; i < 24; ++i) z[i] = book.weight[i - 21] > 0 ? -3e38f : 3e38f;
    CodebookState<5, 3, float> one = book;  // every score of this vector is minus infinity
    for (std::size_t k = 0; k < 5; ++k) one.place(k, &book.weight[0], 1.f);
    for (float& v : one.weight.span()) v *= 1000;
    std::vector<float> q(30);
    std::vector<Token> tokens(10);
    const auto far = packed(one);
    CHECK(support::message<NumericError>([&] {
              quantize(far, std::span<const float>{z}, std::span<Token>{tokens}, std::span<float>{q});
          }) == "VqVae: vector 7: no codebook vector is nearest: expected numbers whose squares are finite");
}

TEST_CASE_TEMPLATE("commit: adds scale (z - q) to dz and returns the squared distance, except for rows without a token",
                   T, float, double) {
    for (const std::size_t rows : {1u, 3u, 11u})
        for (const bool absent : {false, true}) {
            const std::size_t n = rows * 3;
            const auto z = numbers<T>(n, 1), q = numbers<T>(n, 2), start = numbers<T>(n, 3);
            std::vector<Token> tokens(rows, 1);
            if (absent) tokens[rows / 2] = no_token;
            auto dz = start, expected = start;
            double distance = 0;
            for (std::size_t i = 0; i < n; ++i) {
                if (tokens[i / 3] == no_token) continue;
                expected[i] += T(0.25) * (z[i] - q[i]);
                distance += std::pow(static_cast<double>(z[i]) - static_cast<double>(q[i]), 2);
            }
            const double got = add_commitment<T>(z, tokens, q, dz, T(0.25));
            CHECK(std::abs(got - distance) <= distance * (sizeof(T) == 4 ? 1e-6 : 1e-14));
            CHECK(support::distance(expected, dz) < 2);
        }
}

TEST_CASE_TEMPLATE("gather: the vectors of tokens, and zero where one is absent", T, float, double) {
    const auto book = five_codes<T>();
    const auto codes = packed(book);
    const std::vector<Token> tokens{4, no_token, 0};
    std::vector<T> q(9, T(7));
    lookup_tokens<T>(codes, tokens, q);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(q[i] == book.weight[12 + i]);
        CHECK(q[3 + i] == 0);
        CHECK(q[6 + i] == book.weight[i]);
    }
}

TEST_CASE("search: the rows that are named, and no others") {
    const auto book = five_codes<float>();
    const auto codes = packed(book);
    const std::vector<float> z(book.weight.span().begin(), book.weight.span().end());
    std::vector<Token> tokens(5, 9);
    nearest_tokens<float>(codes, z, tokens, 1, 3);
    CHECK(tokens == std::vector<Token>{9, 1, 2, 9, 9});
}

TEST_CASE("zero_absent: a row is zero where all its tokens are absent, and unchanged otherwise") {
    std::vector<double> x(12, 1.0);
    zero_absent<double>(std::vector<Token>{1, 2, no_token, no_token, 3, no_token, no_token, 0}, 2, x);
    CHECK(x == std::vector<double>{1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("straight_through: dz is dq, and zero for rows without a token") {
    const auto dq = numbers<float>(9, 3);
    std::vector<float> dz(9, 5.f);
    straight_through<float>(std::vector<Token>{1, no_token, 2}, dq, dz);
    for (std::size_t i = 0; i < 9; ++i) CHECK(dz[i] == (i / 3 == 1 ? 0.f : dq[i]));
}

TEST_CASE("check_finite: names the first number that is not finite") {
    std::vector<double> x(9, 1.0);
    CHECK_NOTHROW(check_finite(std::span<const double>{x}, "encoder output"));
    x[4] = x[7] = -std::numeric_limits<double>::infinity();
    CHECK(support::message<NumericError>([&] { check_finite(std::span<const double>{x}, "encoder output"); }) ==
          "VqVae: encoder output 4: expected a finite number, got -inf");
}
