#include <tessera/vq/nearest_few.hpp>

#include <doctest/doctest.h>
#include <support/counting_allocator.hpp>
#include <support/mismatch.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

using namespace tessera;

namespace nearest_few_test {

namespace {

static_assert(vq::OffersNearestFew<CodebookQuantizer<Shape<2, 3>, 4, float>>);
static_assert(!vq::OffersNearestFew<FsqQuantizer<Shape<2, 2>, FsqBound::tanh, float, 5, 3>>);
static_assert(!vq::OffersNearestFew<testing::SmoothQuantizer<Shape<2, 3>, float>>);

/// Another quantizer's own member.
struct Mine : testing::SmoothQuantizer<Shape<2, 3>, float> {
    static void nearest_few(const Packed&, std::span<const float>, std::size_t, std::span<Token> tokens,
                            std::span<float>, Buffer<float>&) {
        std::ranges::fill(tokens, Token{1});
    }
};
static_assert(vq::HasNearestFew<Mine> && vq::OffersNearestFew<Mine>);

}  // namespace

TEST_CASE_TEMPLATE("nearest_few: the nearest vectors in order, for odd numbers of rows, vectors and places", T, float,
                   double) {
    support::Mismatch wrong;
    Buffer<T> scratch;
    Rng rng{1};
    const auto check = [&]<std::size_t K, std::size_t D>(CodebookState<K, D, T>& book, std::size_t rows,
                                                         std::size_t count) {
        book.init(rng);
        PackedCodes<T> codes;
        codes.pack(book);
        std::vector<T> z(rows * D), q(rows * count * D);
        for (T& v : z) v = static_cast<T>(rng.normal());
        std::vector<Token> tokens(rows * count);
        nearest_few<T>(codes, z, count, tokens, q, scratch);
        for (std::size_t m = 0; m < rows; ++m) {
            std::vector<double> distance(K);
            for (std::size_t k = 0; k < K; ++k)
                for (std::size_t i = 0; i < D; ++i)
                    distance[k] +=
                        std::pow(static_cast<double>(z[m * D + i]) - static_cast<double>(book.weight[k * D + i]), 2);
            std::vector<Token> order(K);
            std::iota(order.begin(), order.end(), Token{0});
            std::ranges::sort(order, {}, [&](Token k) { return std::pair{distance[k], k}; });
            for (std::size_t c = 0; c < count; ++c) {
                const Token got = tokens[m * count + c];
                wrong.compare(c < K ? order[c] : no_token, got, "K ", K, ", row ", m, ", place ", c);
                for (std::size_t i = 0; i < D; ++i)
                    wrong.compare(got == no_token ? T(0) : book.weight[got * D + i], q[(m * count + c) * D + i],
                                  "q of row ", m, ", place ", c);
            }
        }
    };
    CodebookState<37, 5, T> odd;
    CodebookState<3, 4, T> few;
    CodebookState<256, 8, T> many;
    for (const std::size_t rows : {1u, 7u, 31u, 32u, 33u, 70u}) {
        check(odd, rows, 1);
        check(odd, rows, 4);
        check(few, rows, 5);
        check(many, rows, 9);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("nearest_few: of two equal vectors the lower index is first; a row with NaN has none") {
    CodebookState<4, 1, float> book;
    const float vectors[] = {2, 1, 2, 1};
    for (std::size_t k = 0; k < 4; ++k) book.place(k, vectors + k, 1);
    PackedCodes<float> codes;
    codes.pack(book);
    Buffer<float> scratch;
    const std::vector<float> z{3, std::numeric_limits<float>::quiet_NaN()};
    std::vector<float> q(6);
    std::vector<Token> tokens(6);
    nearest_few<float>(codes, z, 3, tokens, q, scratch);
    CHECK(tokens == std::vector<Token>{0, 2, 1, no_token, no_token, no_token});
    CHECK(q == std::vector<float>{2, 2, 1, 0, 0, 0});
    const std::size_t before = support::allocations();
    nearest_few<float>(codes, z, 3, tokens, q, scratch);
    CHECK(support::allocations() == before);
}

TEST_CASE("nearest_few: a quantizer's own member is called") {
    std::vector<Token> tokens(2);
    Buffer<float> scratch;
    vq::nearest_few<Mine>({}, {}, 2, tokens, {}, scratch);
    CHECK(tokens == std::vector<Token>{1, 1});
}

}  // namespace nearest_few_test
