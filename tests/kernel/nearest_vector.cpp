#include <tessera/kernel/nearest_vector.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using support::numbers;
using tessera::Token;
namespace kernel = tessera::kernel;

namespace {

template <class T>
std::vector<Token> nearest(std::size_t rows, const std::vector<T>& x, std::size_t ldx, std::size_t k, std::size_t d,
                           const std::vector<T>& codes) {
    kernel::CodePanels<T> panels;
    panels.pack(k, d, codes.data());
    std::vector<Token> out(rows, 4711);
    kernel::nearest_vector<T>(rows, x.data(), ldx, panels, out.data());
    return out;
}

struct Verdict {
    std::size_t rows = 0, near_ties = 0, wrong = 0;
};
// Every distance in double. Where the two best are closer than 1e-5 of their size, either may be chosen.
template <class T>
void judge(std::size_t rows, const std::vector<T>& x, std::size_t ldx, std::size_t k, std::size_t d,
           const std::vector<T>& codes, const std::vector<Token>& got, Verdict& verdict) {
    std::vector<double> distances(k);
    for (std::size_t m = 0; m < rows; ++m, ++verdict.rows) {
        std::size_t best = 0;
        for (std::size_t c = 0; c < k; ++c) {
            distances[c] = 0;
            for (std::size_t i = 0; i < d; ++i) {
                const double difference = static_cast<double>(x[m * ldx + i]) - static_cast<double>(codes[c * d + i]);
                distances[c] += difference * difference;
            }
            if (distances[c] < distances[best]) best = c;
        }
        if (got[m] == best) continue;
        const bool near = got[m] < k && distances[got[m]] - distances[best] < 1e-5 * (1 + distances[best]);
        near ? ++verdict.near_ties : ++verdict.wrong;
    }
}

}  // namespace

TEST_CASE_TEMPLATE("nearest_vector: is the argmin over the codebook", T, float, double) {
    Verdict verdict;
    for (const std::size_t k : {1u, 2u, 31u, 32u, 33u, 256u, 513u})
        for (const std::size_t d : {1u, 7u, 32u})
            for (const std::size_t rows : {1u, 5u, 14u, 15u, 57u}) {
                const std::size_t ldx = d + 2;
                const auto x = numbers<T>(rows * ldx, k * 100 + rows), codes = numbers<T>(k * d, k + d);
                judge(rows, x, ldx, k, d, codes, nearest(rows, x, ldx, k, d, codes), verdict);
            }
    INFO(verdict.near_ties, " of ", verdict.rows, " rows lie between two codes closer than 1e-5");
    CHECK(verdict.wrong == 0);
    CHECK(verdict.near_ties < verdict.rows / 200);
}

TEST_CASE_TEMPLATE("code_score: its argmax, the lowest index of equal ones, is the result of the search bit for bit", T,
                   float, double) {
    support::Mismatch wrong;
    for (const std::size_t k : {1u, 33u, 257u})
        for (const std::size_t d : {1u, 2u, 7u, 64u}) {
            constexpr std::size_t rows = 100;
            auto x = numbers<T>(rows * d, k), codes = numbers<T>(k * d, k + d);
            if (d == 2)  // a grid: most scores are equal to others
                for (std::vector<T>* v : {&x, &codes})
                    for (T& number : *v) number = std::round(number);
            kernel::CodePanels<T> panels;
            panels.pack(k, d, codes.data());
            const auto got = nearest(rows, x, d, k, d, codes);
            for (std::size_t m = 0; m < rows; ++m) {
                std::size_t best = 0;
                for (std::size_t c = 1; c < k; ++c)
                    if (kernel::code_score(&x[m * d], panels, c) > kernel::code_score(&x[m * d], panels, best))
                        best = c;
                wrong.compare(best, got[m], "k = ", k, ", d = ", d, ", row ", m);
            }
        }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("nearest_vector: equal codebook vectors give the lowest index, wherever they are", T, float,
                   double) {
    constexpr std::size_t k = 100, d = 7, rows = 15;
    const auto x = numbers<T>(rows * d, 1);
    support::Mismatch wrong;
    for (std::size_t first = 0; first < k; first += 3)
        for (std::size_t second = first + 1; second < k; second += 7) {
            auto codes = numbers<T>(k * d, 2);
            for (T& v : codes) v += T(10);  // far from every row
            for (std::size_t i = 0; i < d; ++i) codes[first * d + i] = codes[second * d + i] = T(0.25);
            for (const Token token : nearest(rows, x, d, k, d, codes))
                wrong.compare(first, token, "equal: ", first, ", ", second);
        }
    CHECK(wrong.first() == "");
    CHECK(nearest(1, x, d, k, d, std::vector<T>(k * d, T(1)))[0] == 0);
}

TEST_CASE_TEMPLATE(
    "nearest_vector: a row with NaN or with squares that overflow gives no_token; its neighbours are unaffected", T,
    float, double) {
    constexpr std::size_t k = 33, d = 7, rows = 17;
    const auto codes = numbers<T>(k * d, 1);
    const auto clean = numbers<T>(rows * d, 2);
    const auto expected = nearest(rows, clean, d, k, d, codes);
    support::Mismatch wrong;
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()})
        for (std::size_t at = 0; at < rows; ++at) {
            auto x = clean;
            x[at * d + at % d] = bad;
            const auto got = nearest(rows, x, d, k, d, codes);
            for (std::size_t m = 0; m < rows; ++m)
                wrong.compare(m == at ? tessera::no_token : expected[m], got[m], bad, " in row ", at, ", token of row ",
                              m);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("nearest_vector: two scores that overflow give no_token", T, float, double) {
    const T big = std::numeric_limits<T>::max() / T(1.1);
    std::vector<T> codes(9 * 2);
    codes[0] = 2;
    codes[1] = -2;
    codes[16] = 2;
    codes[17] = 2;
    CHECK(nearest(1, std::vector<T>{big, big}, 2, 9, 2, codes)[0] == tessera::no_token);
    CHECK(nearest(1, std::vector<T>{1, 1}, 2, 9, 2, codes)[0] == 1);
}

TEST_CASE("nearest_vector: rows one by one, in any order, give the tokens of the whole batch") {
    constexpr std::size_t k = 513, d = 32, rows = 41;
    const auto x = numbers<float>(rows * d, 1), codes = numbers<float>(k * d, 2);
    const auto whole = nearest(rows, x, d, k, d, codes);
    kernel::CodePanels<float> panels;
    panels.pack(k, d, codes.data());
    support::Mismatch wrong;
    for (std::size_t m = rows; m-- > 0;) {
        Token token = 0;
        kernel::nearest_vector<float>(1, x.data() + m * d, d, panels, &token);
        wrong.compare(whole[m], token, "row ", m);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("CodePanels: packed again for a smaller codebook, they hold no vector of the larger one") {
    const auto large = numbers<float>(100 * 4, 1), small = numbers<float>(3 * 4, 2);
    kernel::CodePanels<float> panels;
    panels.pack(100, 4, large.data());
    panels.pack(3, 4, small.data());
    CHECK(panels.codes() == 3);
    CHECK(panels.width() == 4);
    std::vector<Token> out(100);
    kernel::nearest_vector<float>(100, large.data(), 4, panels, out.data());
    CHECK(out == nearest(100, large, 4, 3, 4, small));
    support::Mismatch wrong;
    for (const Token token : out) wrong.require(token < 3, "token ", token, " below 3");
    CHECK(wrong.first() == "");
}

TEST_CASE("nearest_vector: works with more codebook vectors than 16 bits can count") {
    constexpr std::size_t k = 100'000, d = 17;
    std::vector<float> codes(k * d);  // the bits of the index as +1 and -1
    for (std::size_t i = 0; i < k * d; ++i) codes[i] = i / d >> i % d & 1 ? 1.f : -1.f;
    std::vector<float> x;
    const std::vector<Token> chosen{0, 40000, 65535, 65536, 99999, 31, 32, 16384};
    for (const Token token : chosen) x.insert(x.end(), &codes[token * d], &codes[token * d] + d);
    CHECK(nearest(chosen.size(), x, d, k, d, codes) == chosen);
}

TEST_CASE("nearest_vector: indices that a float cannot represent are exact") {
    constexpr std::size_t k = (std::size_t{1} << 24) + 6;
    std::vector<float> codes(k);
    codes[k - 5] = 1;  // 2^24 + 1, which rounds to 2^24
    codes[k - 1] = 2;
    CHECK(nearest(3, std::vector<float>{2, 1, 0}, 1, k, 1, codes) == std::vector<Token>{k - 1, k - 5, 0});
}
