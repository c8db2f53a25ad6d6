#include <tessera/data/batches.hpp>

#include <tessera/data/images.hpp>
#include <tessera/data/tokens.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/io/weights.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

using namespace tessera;
using Numbers = data::Tokens<1>;

namespace {

Numbers numbers(std::size_t n, bool labelled = false) {
    std::vector<Token> tokens(n);
    std::vector<Label> labels;
    for (std::size_t i = 0; i < n; ++i) tokens[i] = static_cast<Token>(i);
    for (std::size_t i = 0; i < n && labelled; ++i) labels.push_back(Label{tokens[i]});
    return Numbers{std::move(tokens), std::move(labels)};
}

std::vector<Token> order(const Numbers& set, std::size_t size, const BatchOptions& options) {
    std::vector<Token> seen;
    for (auto&& batch : batches(set, size, options))
        seen.insert(seen.end(), batch.x.data(), batch.x.data() + batch.size());
    return seen;
}

template <class D>
concept Batchable = requires(D&& dataset, Rng& rng) {
    batches(std::forward<D>(dataset), std::size_t{2}, rng);
};

/// A user's dataset: no labels, examples computed on demand.
struct Squares {
    using Example = View<const float, Shape<2>>;
    std::size_t size() const { return 5; }
    void copy(std::size_t i, std::span<float, 2> to) const { to[0] = to[1] = static_cast<float>(i * i); }
};

}  // namespace

static_assert(Batchable<const Numbers&> && Batchable<Numbers&>);
static_assert(!Batchable<Numbers>, "a temporary dataset would dangle");
static_assert(!data::LabelledDataset<Squares> && Batchable<Squares&>);

TEST_CASE("batches: each example occurs once, and the last batch is smaller") {
    const Numbers set = numbers(10, true);
    Rng rng{3};
    auto range = batches(set, 4, rng);
    CHECK((range.count() == 3 && range.examples() == 10));
    std::vector<int> seen(10);
    std::vector<std::size_t> sizes, indices;
    support::Mismatch wrong;
    for (auto&& batch : range) {
        sizes.push_back(batch.size());
        indices.push_back(batch.index);
        for (std::size_t n = 0; n < batch.size(); ++n) {
            ++seen[batch.x[n][0]];
            wrong.compare(batch.size(), batch.labels.size(), "labels, batch ", batch.index);
            if (n < batch.labels.size())
                wrong.compare(batch.x[n][0], batch.labels[n].index, "label ", n, ", batch ", batch.index);
        }
    }
    CHECK(std::ranges::count(seen, 1) == 10);
    CHECK(sizes == std::vector<std::size_t>{4, 4, 2});
    CHECK(indices == std::vector<std::size_t>{0, 1, 2});
    CHECK(wrong.first() == "");
}

TEST_CASE("batches: drop_last drops an incomplete last batch") {
    const Numbers set = numbers(10);
    CHECK(order(set, 4, {.drop_last = true}).size() == 8);
    CHECK(order(set, 5, {.drop_last = true}).size() == 10);
    CHECK(batches(set, 4, {.drop_last = true}).count() == 2);
}

TEST_CASE("batches: without shuffle the order is the dataset's") {
    const Numbers set = numbers(7);
    CHECK(order(set, 3, {.shuffle = false}) == std::vector<Token>{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("batches: the order depends only on the seed and the epoch") {
    const Numbers set = numbers(100);
    const auto epoch = [&](std::uint64_t seed, std::uint64_t e, std::size_t size) {
        return order(set, size, {.rng = Rng{seed}.split(e)});
    };
    CHECK(epoch(1, 0, 7) == epoch(1, 0, 7));
    CHECK(epoch(1, 0, 7) == epoch(1, 0, 32));
    CHECK(epoch(1, 0, 7) != epoch(1, 1, 7));
    CHECK(epoch(1, 0, 7) != epoch(2, 0, 7));
    const std::array<std::uint32_t, 8> known{0, 4, 1, 5, 6, 3, 2, 7};  // detects a change of the generator
    CHECK(support::equal_values(known, data::permutation(8, Rng{42})));
}

TEST_CASE("batches: with a generator each pass has a new order, and a copy of the generator repeats it") {
    const Numbers set = numbers(50);
    Rng rng{5}, twin{5};
    const auto pass = [&](Rng& r) {
        std::vector<Token> seen;
        for (auto&& batch : batches(set, 8, r)) seen.insert(seen.end(), batch.x.data(), batch.x.data() + batch.size());
        return seen;
    };
    const auto first = pass(rng), second = pass(rng);
    CHECK(first != second);
    CHECK((pass(twin) == first && pass(twin) == second));
}

TEST_CASE("batches: every permutation of four is equally likely") {
    std::array<int, 256> count{};
    for (std::uint64_t seed = 0; seed < 24000; ++seed) {
        const auto p = data::permutation(4, Rng{seed});
        ++count[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]];
    }
    double chi = 0;
    int kinds = 0;
    for (const int c : count)
        if (c != 0) {
            ++kinds;
            chi += (c - 1000.0) * (c - 1000.0) / 1000.0;
        }
    CHECK(kinds == 24);
    CHECK(chi < 50);  // 23 degrees of freedom: exceeded in one of 1000 cases
}

TEST_CASE("batches: a batch converts to the view that a model takes") {
    const data::Images<Shape<1, 2, 1>> set{{0, 255, 51, 102}};
    const auto sum = [](View<const float, Shape<1, 2, 1>> x) { return x[0][0] + x[0][1] + x[1][0] + x[1][1]; };
    for (auto&& batch : batches(set, 2, {.shuffle = false})) {
        CHECK(sum(batch) == doctest::Approx(1.6f));
        CHECK(batch.labels.empty());
    }
}

TEST_CASE("batches: accepts a user's dataset without labels") {
    const Squares set;
    std::vector<float> seen;
    for (auto&& batch : batches(set, 3, {.shuffle = false}))
        for (std::size_t n = 0; n < batch.size(); ++n) seen.push_back(batch.x[n][1]);
    CHECK(seen == std::vector<float>{0, 1, 4, 9, 16});
}

TEST_CASE("batches: a range can be iterated again, and the batch size may exceed the dataset") {
    const Numbers set = numbers(3);
    auto range = batches(set, 100, {.shuffle = false});
    for (int pass = 0; pass < 2; ++pass) {
        std::size_t examples = 0;
        for (auto&& batch : range) examples += batch.size();
        CHECK(examples == 3);
    }
    CHECK(range.count() == 1);
}

namespace {

template <class Range>
std::vector<Token> pass_of(Range&& range) {
    std::vector<Token> seen;
    for (auto&& batch : range) seen.insert(seen.end(), batch.x.data(), batch.x.data() + batch.size());
    return seen;
}

/// A dataset that another part of the program fills, or empties.
struct Changing {
    using Example = View<const Token, Shape<1>>;
    std::size_t count = 0;

    std::size_t size() const { return count; }
    void copy(std::size_t i, std::span<Token, 1> to) const { to[0] = static_cast<Token>(i); }
};

}  // namespace

TEST_CASE("batches: a second loop over a range is the pass that a new range of the same generator would be") {
    const Numbers set = numbers(50);
    Rng one{5}, other{5};
    auto range = batches(set, 8, one);
    for (int pass = 0; pass < 3; ++pass) CHECK(pass_of(range) == pass_of(batches(set, 8, other)));

    DataPosition kept{one}, fresh{other};
    auto positioned = batches(set, 8, kept);
    for (auto&& batch : positioned)
        if (batch.index == 2) break;
    for (auto&& batch : batches(set, 8, fresh))
        if (batch.index == 2) break;
    for (int pass = 0; pass < 3; ++pass) CHECK(pass_of(positioned) == pass_of(batches(set, 8, fresh)));
    CHECK((kept.passes() == 3 && fresh.passes() == 3));
}

TEST_CASE("batches: a loop after the rest of a pass has all batches, and streams 1, 2, ... of the options' generator") {
    const Numbers set = numbers(50);
    auto range = batches(set, 8, {.rng = Rng{5}, .first = 4});
    CHECK(pass_of(range).size() == 50 - 4 * 8);
    for (std::uint64_t pass = 1; pass < 3; ++pass) CHECK(pass_of(range) == order(set, 8, {.rng = Rng{5}.split(pass)}));
}

TEST_CASE("batches: begin without a batch does not begin another pass") {
    const Numbers set = numbers(50);
    Rng rng{5}, same{5};
    auto range = batches(set, 8, rng);
    static_cast<void>(range.begin());
    CHECK(pass_of(range) == pass_of(batches(set, 8, same)));
}

TEST_CASE("batches: a second loop that is refused leaves the range, the generator and the position as they were") {
    struct Labelled : Changing {
        mutable std::size_t faults = 0;
        bool labelled() const { return true; }
        Label label(std::size_t i) const {
            if (faults > 0 && i == 5 && faults-- == 1) throw DataError("no label");
            return Label{static_cast<std::uint32_t>(i % 2)};
        }
    };
    Labelled set{{8}};
    Rng rng{5}, same{5};
    auto range = batches(set, 4, rng, {.balance_classes = true});
    CHECK(pass_of(range) == pass_of(batches(set, 4, same, {.balance_classes = true})));
    set.count = 4000;  // the order of the earlier pass has 8
    set.faults = 1;
    CHECK(support::message<DataError>([&] { pass_of(range); }) == "no label");
    CHECK(pass_of(range) == pass_of(batches(set, 4, same, {.balance_classes = true})));

    Changing other{20};
    DataPosition position{rng}, whole{rng};
    auto positioned = batches(other, 4, position);
    for (auto&& batch : positioned)
        if (batch.index == 2) break;
    other.count = 24;
    CHECK(support::contains(support::message<ArgumentError>([&] { pass_of(positioned); }), "24 examples"));
    other.count = 20;
    std::vector<std::size_t> indices;
    for (auto&& batch : positioned) indices.push_back(batch.index);
    CHECK(indices == std::vector<std::size_t>{3, 4});
}

TEST_CASE("batches: a range that was made before its position was loaded begins where the file says") {
    const Numbers set = numbers(20);
    Rng rng{5};
    DataPosition saved{rng}, position{rng};
    for (auto&& batch : batches(set, 4, saved))
        if (batch.index == 2) break;
    auto range = batches(set, 4, position);
    io::SafetensorsFile file{io::collect(saved).bytes(), "x"};
    io::load(file, position);
    CHECK(pass_of(range) == pass_of(batches(set, 4, saved)));
    CHECK((position.passes() == 1 && position.next() == 0));
    auto one = batches(set, 20, position);  // a pass of one batch
    static_cast<void>(one.begin());
    CHECK(pass_of(one).size() == 20);
    CHECK(position.passes() == 2);
}

TEST_CASE("batches: a generator with options: the stream is that of the generator") {
    const Numbers set = numbers(50);
    Rng rng{5}, same{5};
    auto range = batches(set, 8, rng, {.drop_last = true});
    for (int pass = 0; pass < 2; ++pass) {
        const auto seen = pass_of(range);
        CHECK(seen == order(set, 8, {.drop_last = true, .rng = same.fork()}));
        CHECK(seen.size() == 48);
    }
}

TEST_CASE("batches: a dataset that grows counts from the next pass on, one that shrinks is refused") {
    Changing set{12};
    Rng rng{5};
    DataPosition position{rng};
    auto range = batches(set, 4, position);
    std::vector<Token> seen;
    for (auto&& batch : range) {
        seen.insert(seen.end(), batch.x.data(), batch.x.data() + batch.size());
        set.count = 16;
        const auto saved = io::collect(position).bytes();
        DataPosition resumed{rng};
        io::SafetensorsFile file{saved, "x"};
        io::load(file, resumed);
        if (batch.index < 2)
            CHECK(support::message<ArgumentError>([&] { std::ignore = batches(set, 4, resumed); }) ==
                  "DataPosition: in the middle of a pass: expected batches of 4 of 12 examples, got batches of 4 of 16 "
                  "examples");
    }
    std::ranges::sort(seen);
    CHECK(seen == order(Numbers{numbers(12)}, 4, {.shuffle = false}));
    CHECK(pass_of(range).size() == 16);
    CHECK(support::message<StateError>([&] {
              for (auto&& batch : range) set.count = 10 + batch.index;
          }) == "batches: dataset: expected 16 examples to the end of the pass, got 10");
}

TEST_CASE("batches: each process gets its share of each batch, in the order of a single process") {
    const Numbers set = numbers(150);
    const auto taken = [&](std::size_t rank, std::size_t ranks) {
        std::vector<std::vector<Token>> all;
        for (auto&& batch : batches(set, 70, {.rng = Rng{5}, .rank = rank, .ranks = ranks})) {
            std::vector<Token>& own = all.emplace_back();
            for (std::size_t n = 0; n < batch.size(); ++n) own.push_back(batch.x[n][0]);
        }
        return all;
    };
    const auto whole = taken(0, 1);
    REQUIRE(whole.size() == 3);
    for (const std::size_t ranks : {2u, 3u, 4u}) {
        std::vector<std::vector<Token>> together(3);
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            const auto part = taken(rank, ranks);
            REQUIRE(part.size() == 3);
            for (std::size_t i = 0; i < 3; ++i) {
                CHECK(part[i].size() == batch_share(i < 2 ? 70 : 10, {.rank = rank, .ranks = ranks}).count);
                together[i].insert(together[i].end(), part[i].begin(), part[i].end());
            }
        }
        CHECK(together == whole);
    }
    CHECK_THROWS_WITH_AS(static_cast<void>(batches(set, 70, {.rank = 2, .ranks = 2})),
                         "batches: rank: expected less than 2, got 2", ArgumentError);
}

TEST_CASE("batches: a pass without a batch is an error with both numbers") {
    const Numbers none = numbers(0), three = numbers(3);
    const std::string tail = ": expected at least one batch, and fewer than 2^32 examples";
    CHECK_THROWS_WITH_AS(static_cast<void>(batches(none, 4, {})),
                         ("batches: 0 examples in batches of 4" + tail).c_str(), ArgumentError);
    CHECK_THROWS_WITH_AS(static_cast<void>(batches(three, 0, {})),
                         ("batches: 3 examples in batches of 0" + tail).c_str(), ArgumentError);
    CHECK_THROWS_WITH_AS(static_cast<void>(batches(three, 4, {.drop_last = true})),
                         ("batches: 3 examples in batches of 4, the last one dropped" + tail).c_str(), ArgumentError);
}
