#include <tessera/vq/codebook_statistics.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

using namespace tessera;
using support::numbers;

namespace codebook_statistics_test {

namespace {

using Small = CodebookStatistics<8, 3, float>;

/// The row of x that is in place j; the number of rows if none.
std::size_t row_in_place(const Small& s, std::size_t j, const std::vector<float>& x) {
    for (std::size_t m = 0; m < x.size() / 3; ++m)
        if (std::equal(x.data() + m * 3, x.data() + m * 3 + 3, s.candidates.data() + j * 3)) return m;
    return x.size() / 3;
}

}  // namespace

TEST_CASE("CodebookStatistics: four leaves, and at most 512 places for candidates") {
    CHECK(support::names_of(Small{}) == std::vector<std::string>{"n", "s", "candidates", "present"});
    CHECK(parameter_count(Small{}) == 8 + 24 + 24 + 8);
    CHECK(Small::places == 8);
    CHECK(CodebookStatistics<5000, 2, float>::places == 512);
}

TEST_CASE_TEMPLATE("CodebookStatistics: add counts rows and sums them by vector, in order", T, float, double) {
    CodebookStatistics<70, 3, T> s;
    const std::size_t rows = 211;
    const auto x = numbers<T>(rows * 3, 1);
    Rng rng{2};
    std::vector<Token> tokens(rows);
    for (Token& t : tokens) t = rng.below(5) == 0 ? no_token : static_cast<Token>(rng.below(65));
    s.n[4] = 2;
    std::vector<T> n(70), sum(210);
    n[4] = 2;
    for (std::size_t m = 0; m < rows; ++m) {
        if (tokens[m] == no_token) continue;
        n[tokens[m]] += T(1);
        for (std::size_t i = 0; i < 3; ++i) sum[tokens[m] * std::size_t{3} + i] += x[m * 3 + i];
    }
    s.add(x, tokens);
    CHECK(support::equal_values(n, s.n.span()));
    CHECK(support::equal_values(sum, s.s.span()));
}

TEST_CASE("CodebookStatistics: one, two and three threads, and batches cut at any sample, give the same bits") {
    const auto x = numbers<float>(300 * 3, 5);
    Rng rng{2};
    std::vector<Token> tokens(300);
    for (Token& t : tokens) t = static_cast<Token>(rng.below(100));
    const auto cut_at = [&](std::size_t cut) {
        CodebookStatistics<100, 3, float> s;
        const std::span<const float> all{x};
        const std::span<const Token> chosen{tokens};
        s.add(all.first(cut * 3), chosen.first(cut));
        s.add(all.subspan(cut * 3), chosen.subspan(cut));
        return support::hash_bits(s);
    };
    CHECK(support::same_for_threads([&] { return cut_at(0); }));
    for (const std::size_t cut : {1u, 64u, 299u, 300u}) CHECK(cut_at(cut) == cut_at(0));
}

TEST_CASE("CodebookStatistics: candidates are different rows of the batch") {
    const auto x = numbers<float>(20 * 3, 1);
    const std::vector<Token> tokens(20, 0);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Small s;
        s.draw_candidates(x, tokens, 1, BatchPart::whole(20), Rng{seed});
        std::set<std::size_t> rows;
        for (std::size_t j = 0; j < 8; ++j) {
            CHECK(s.present[j] == 1);
            rows.insert(row_in_place(s, j, x));
        }
        CHECK(rows.size() == 8);
        CHECK(*rows.rbegin() < 20);
    }
}

TEST_CASE("CodebookStatistics: with fewer rows than places all rows are drawn, and the rest stays empty") {
    const auto x = numbers<float>(5 * 3, 1);
    Small s;
    s.draw_candidates(x, std::vector<Token>(5, 0), 1, BatchPart::whole(5), Rng{1});
    CHECK(std::ranges::count(s.present.span(), 1.f) == 5);
    CHECK(s.present[5] == 0);
}

TEST_CASE("CodebookStatistics: draw_rows names the rows of the first places, those that draw_candidates takes") {
    const auto x = numbers<float>(20 * 3, 1);
    const std::vector<Token> tokens(20, 0);
    Small all;
    all.draw_candidates(x, tokens, 1, BatchPart::whole(20), Rng{1});
    for (const std::size_t count : {0, 3, 8, 100}) {
        std::size_t next = 0;
        Small::draw_rows(tokens, 1, BatchPart::whole(20), Rng{1}, count, [&](std::size_t place, std::size_t row) {
            CHECK(place == next++);
            CHECK(row == row_in_place(all, place, x));
        });
        CHECK(next == (std::min)(count, std::size_t{8}));
    }
}

TEST_CASE("CodebookStatistics: a row without a token leaves its place empty") {
    const auto x = numbers<float>(12 * 3, 1);
    std::vector<Token> tokens(12, 0);
    for (std::size_t m = 0; m < 12; m += 2) tokens[m] = no_token;
    Small s;
    s.draw_candidates(x, tokens, 1, BatchPart::whole(12), Rng{1});
    std::size_t filled = 0;
    for (std::size_t j = 0; j < 8; ++j)
        if (s.present[j] == 1) {
            ++filled;
            CHECK(row_in_place(s, j, x) % 2 == 1);
        }
    CHECK(filled > 0);
    CHECK(filled < 8);
}

TEST_CASE("CodebookStatistics: processes that each hold some samples fill the places that one process fills") {
    const auto x = numbers<float>(24 * 3, 1);  // 12 samples of 2 rows
    const std::vector<Token> tokens(24, 0);
    Small whole, parts;
    whole.draw_candidates(x, tokens, 2, BatchPart::whole(12), Rng{7});
    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 5}, {5, 4}, {9, 3}, {12, 0}}) {
        BatchPart part = BatchPart::whole(12);
        part.first = first;
        parts.draw_candidates(std::span{x}.subspan(first * 6, count * 6),
                              std::span{tokens}.subspan(first * 2, count * 2), 2, part, Rng{7});
    }
    CHECK(support::hash_bits(whole) == support::hash_bits(parts));
}

TEST_CASE("CodebookStatistics: each place belongs to one batch of an accumulation") {
    const auto x = numbers<float>(20 * 3, 1), y = numbers<float>(20 * 3, 2), z = numbers<float>(20 * 3, 3);
    const std::vector<Token> tokens(20, 0);
    Small s;
    for (std::size_t part = 0; part < 3; ++part) {
        BatchPart of = BatchPart::whole(20);
        of.micro_batch = part;
        of.micro_batches = 3;
        s.draw_candidates(part == 0 ? x : part == 1 ? y : z, tokens, 1, of, Rng{part});
    }
    for (std::size_t j = 0; j < 8; ++j) {
        CHECK(s.present[j] == 1);
        CHECK(row_in_place(s, j, j % 3 == 0 ? x : j % 3 == 1 ? y : z) < 20);
    }
}

}  // namespace codebook_statistics_test
