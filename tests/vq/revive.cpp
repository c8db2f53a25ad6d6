#include <tessera/vq/revive.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/numbers.hpp>
#include <tessera/vq/ema.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <vector>

using namespace tessera;
using support::numbers;

namespace {

constexpr std::size_t revived_codes = 8, revived_dim = 3;
using Book = CodebookState<revived_codes, revived_dim, float>;

// Vectors with the count 10 each, the dead ones with 0.25; x is far from all of them.
Book book_with_dead(const std::vector<std::size_t>& dead, float scale = 1) {
    Book book;
    Rng rng{1};
    book.init(rng);
    for (std::size_t k = 0; k < revived_codes; ++k) {
        const std::vector<float> x(&book.weight[k * revived_dim], &book.weight[k * revived_dim] + revived_dim);
        book.place(k, x.data(), 10 * scale);
    }
    for (const std::size_t k : dead) {
        const std::vector<float> x(&book.weight[k * revived_dim], &book.weight[k * revived_dim] + revived_dim);
        book.place(k, x.data(), 0.25f * scale);
    }
    return book;
}
std::vector<float> far_vectors(std::size_t n) {
    auto x = numbers<float>(n * revived_dim, 9);
    for (float& v : x) v += 100;
    return x;
}
// Every row of x is a candidate once, in an order drawn from the generator.
CodebookStatistics<revived_codes, revived_dim, float> offer(const std::vector<float>& x, Rng rng) {
    CodebookStatistics<revived_codes, revived_dim, float> batch;
    const std::size_t rows = x.size() / revived_dim;
    batch.draw_candidates(x, std::vector<Token>(rows, 0), 1, BatchPart::whole(rows), rng);
    return batch;
}
/// The row of x that equals the vector; x.size() if none.
std::size_t vector_at(const float* code, const std::vector<float>& x) {
    for (std::size_t m = 0; m < x.size() / revived_dim; ++m)
        if (std::equal(code, code + revived_dim, x.data() + m * revived_dim)) return m;
    return x.size();
}

}  // namespace

TEST_CASE("revive: vector, count and sum of a dead vector move onto a row of the batch, all others stay") {
    Book book = book_with_dead({2, 5});
    const Book before = book;
    const auto x = far_vectors(20);
    const float threshold = 0.1f * (6 * 10 + 2 * 0.25f) / 8;
    CHECK(revive(book, offer(x, Rng{3}), {}) == 2);
    for (std::size_t k = 0; k < revived_codes; ++k) {
        const bool dead = k == 2 || k == 5;
        CHECK((vector_at(&book.weight[k * revived_dim], x) < 20) == dead);
        CHECK(book.count[k] == doctest::Approx(dead ? 2 * threshold : 10.f));
        CHECK(book.sum[k * revived_dim + 1] == doctest::Approx(book.weight[k * revived_dim + 1] * book.count[k]));
        CHECK(book.grace[k] == (dead ? 20 : 0));
        if (!dead) CHECK(book.weight[k * revived_dim] == before.weight[k * revived_dim]);
    }
    CHECK(vector_at(&book.weight[2 * revived_dim], x) != vector_at(&book.weight[5 * revived_dim], x));
}

TEST_CASE("revive: least recently used vectors move first, as many as the rate allows") {
    const ReviveOptions options{.grace = 3, .least_recently_used = true, .rate = 0.25};  // 2 of 8
    Book book = book_with_dead({});
    const auto x = far_vectors(20);
    const auto used = [&](const std::vector<std::size_t>& chosen) {
        auto batch = offer(x, Rng{3});
        for (const std::size_t k : chosen) batch.n[k] = 4;
        return batch;
    };
    CHECK(revive(book, used({0, 1, 2, 3, 4, 5}), options) == 0);  // 6 and 7: unused for one update
    CHECK(revive(book, used({0, 1, 2, 3}), options) == 0);
    CHECK(revive(book, used({0, 1}), options) == 2);  // 6 and 7 for three, 4 and 5 for two
    for (std::size_t k = 0; k < revived_codes; ++k) {
        CHECK((vector_at(&book.weight[k * revived_dim], x) < 20) == (k >= 6));
        CHECK(book.count[k] == 10);
    }
    CHECK(book.grace[6] == 0);
    CHECK(revive(book, used({0, 1}), options) == 2);  // 4 and 5
    CHECK(vector_at(&book.weight[4 * revived_dim], x) < 20);
    CHECK(vector_at(&book.weight[5 * revived_dim], x) < 20);
    CHECK(revive(book, used({0, 1}), {.below = 0, .grace = 1, .least_recently_used = true}) == 0);
}

TEST_CASE("revive: at least one vector may move, whatever the rate, and none without candidates") {
    const ReviveOptions options{.grace = 0, .least_recently_used = true, .rate = 0};
    Book book = book_with_dead({});
    CHECK(revive(book, offer(far_vectors(20), Rng{3}), options) == 1);
    CHECK(revive(book, CodebookStatistics<revived_codes, revived_dim, float>{}, options) == 0);
}

TEST_CASE("revive: the next update does not move a revived vector back") {
    Book book = book_with_dead({2});
    const auto x = far_vectors(20);
    revive(book, offer(x, Rng{3}), {});
    const float placed = book.weight[2 * revived_dim];
    CodebookStatistics<revived_codes, revived_dim, float> batch;
    batch.add(x, std::vector<Token>(20, 0));  // no row chooses it
    for (int step = 0; step < 10; ++step) ema_update(book, batch, {});
    CHECK(book.weight[2 * revived_dim] == doctest::Approx(placed).epsilon(1e-4));
}

TEST_CASE("revive: a vector is not judged again during its grace") {
    Book book = book_with_dead({2});
    const auto x = far_vectors(20), y = numbers<float>(20 * revived_dim, 7);
    const ReviveOptions options{.below = 0.1, .grace = 4};
    REQUIRE(revive(book, offer(x, Rng{3}), options) == 1);
    for (int step = 0; step < 4; ++step) {
        book.count[2] = 0;
        CHECK(revive(book, offer(y, Rng{4}), options) == 0);
        CHECK(vector_at(&book.weight[2 * revived_dim], x) < 20);
    }
    CHECK(revive(book, offer(y, Rng{4}), options) == 1);
    CHECK(vector_at(&book.weight[2 * revived_dim], y) < 20);
}

TEST_CASE("revive: count_dead tells how many the next update would move, if it had the candidates") {
    Book book = book_with_dead({1, 2, 5});
    book.grace[1] = 2;
    CHECK(count_dead<revived_codes>(book.count, book.grace, {}) == 2);
    CHECK(count_dead<revived_codes>(book.count, book.grace, {.below = 0}) == 0);
    CHECK(revive(book, offer(far_vectors(20), Rng{3}), {}) == 2);
    CHECK(count_dead<revived_codes>(book.count, book.grace, {}) == 0);
    book.grace.fill(0);
    book.grace[3] = -4;
    book.grace[4] = -3;
}

TEST_CASE("revive: with least_recently_used count_dead is what the next update moves, no more and no later") {
    for (const double rate : {0.0, 0.25, 1.0}) {
        const ReviveOptions by_age{.grace = 4, .least_recently_used = true, .rate = rate};
        Book book = book_with_dead({});
        book.grace[3] = -4;  // unused for four updates
        book.grace[4] = -3;  // for three, and for four with the next one
        book.grace[5] = -3;
        book.grace[6] = -2;
        const std::size_t expected = rate > 0.5 ? 3 : rate > 0.1 ? 2 : 1;
        CAPTURE(rate);
        CHECK(count_dead<revived_codes>(book.count, book.grace, by_age) == expected);
        auto none = by_age;
        none.below = 0;
        CHECK(count_dead<revived_codes>(book.count, book.grace, none) == 0);
        auto batch = offer(far_vectors(20), Rng{3});
        for (const std::size_t k : {0, 1, 2, 7}) batch.n[k] = 5;
        CHECK(revive(book, batch, by_age) == expected);
    }
}

TEST_CASE("revive: the threshold is relative to the mean count, and 0 revives nothing") {
    const auto x = far_vectors(20);
    for (const float scale : {1e-3f, 1.f, 1e4f}) {
        Book book = book_with_dead({1, 4, 7}, scale);
        CHECK(revive(book, offer(x, Rng{3}), {}) == 3);
        Book alive = book_with_dead({1, 4, 7}, scale);
        CHECK(revive(alive, offer(x, Rng{3}), {.below = 0.03}) == 0);
        CHECK(revive(alive, offer(x, Rng{3}), {.below = 0}) == 0);
        CHECK(support::hash_bits(alive) == support::hash_bits(book_with_dead({1, 4, 7}, scale)));
    }
}

TEST_CASE("revive: the threshold is in the precision of the counts") {
    // 0.1f is 1.5e-8 larger than 0.1: a count between the two thresholds is dead in float. A revived vector starts with
    // the count 2 threshold, so every bit of it is seen in the codebook.
    bool found = false;
    for (int alive = 1; alive < 1000 && !found; ++alive) {
        Book book = book_with_dead({2});
        book.count.fill(static_cast<float>(alive));
        const double others = (revived_codes - 1) * static_cast<double>(alive);
        float rare = 0;
        for (int i = 0; i < 20; ++i)
            rare = static_cast<float>(0.1 * (others + static_cast<double>(rare)) / revived_codes);
        const double total = others + static_cast<double>(rare);
        if (rare != static_cast<float>(0.1 * total / revived_codes)) continue;
        if (!(rare < static_cast<float>(static_cast<double>(0.1f) * total / revived_codes))) continue;
        found = true;
        book.count[2] = rare;
        CHECK(revive(book, offer(far_vectors(20), Rng{3}), {.below = 0.1}) == 1);
    }
    CHECK(found);
}

TEST_CASE("revive: no candidate is used twice, and with too few candidates some vectors stay dead") {
    for (const std::size_t count : {0u, 1u, 2u, 3u, 6u, 7u}) {
        Book book = book_with_dead({0, 1, 2, 4, 6, 7});
        const auto x = far_vectors(count);
        const std::size_t moved = revive(book, offer(x, Rng{3}), {.below = 0.2});
        CHECK(moved == std::min<std::size_t>(count, 6));
        std::set<std::size_t> used;
        for (std::size_t k = 0; k < revived_codes; ++k)
            if (const std::size_t m = vector_at(&book.weight[k * revived_dim], x); m < x.size()) used.insert(m);
        CHECK(used.size() == moved);
    }
}

TEST_CASE("revive: the same generator chooses the same rows, a different one different rows") {
    const auto x = far_vectors(200);
    Book a = book_with_dead({0, 3}), b = a, c = a;
    revive(a, offer(x, Rng{3}), {});
    revive(b, offer(x, Rng{3}), {});
    revive(c, offer(x, Rng{4}), {});
    CHECK(support::hash_bits(a) == support::hash_bits(b));
    CHECK(support::hash_bits(a) != support::hash_bits(c));
}
