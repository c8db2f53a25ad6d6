#include <tessera/data/balanced_order.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/tokens.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

using namespace tessera;

namespace {

// Class 0 has 70 examples, class 1 has 20, class 3 has 4; of class 2 there is none. The token is the index.
data::Tokens<1> skewed() {
    std::vector<Token> tokens(94);
    std::vector<Label> labels(94);
    for (std::size_t i = 0; i < 94; ++i) {
        tokens[i] = static_cast<Token>(i);
        labels[i] = Label{i % 4 == 1 && i / 4 < 20 ? 1u : i % 23 == 22 ? 3u : 0u};
    }
    return data::Tokens<1>{tokens, labels, 5};
}

}  // namespace

TEST_CASE("balanced_order: each round has one example of every class that there is") {
    const auto dataset = skewed();
    const auto order = data::balanced_order(dataset, 300, Rng{1});
    REQUIRE(order.size() == 300);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 300; i += 3) {
        std::vector<std::uint32_t> seen;
        for (std::size_t j = i; j < i + 3; ++j) seen.push_back(dataset.label(order[j]).index);
        std::ranges::sort(seen);
        wrong += seen != std::vector<std::uint32_t>{0, 1, 3};
    }
    CHECK(wrong == 0);
}

TEST_CASE("balanced_order: the examples of a class come equally often, each time in another order") {
    const auto dataset = skewed();
    const std::size_t rare = static_cast<std::size_t>(std::ranges::count(dataset.labels(), Label{3}));
    REQUIRE(rare > 2);
    const auto order = data::balanced_order(dataset, 3 * 10 * rare, Rng{1});
    std::vector<std::vector<std::uint32_t>> passes(10);
    std::size_t seen = 0;
    for (const std::uint32_t i : order)
        if (dataset.label(i) == Label{3}) passes[seen++ / rare].push_back(i);
    CHECK(seen == 10 * rare);
    bool another = false;
    for (auto pass : passes) {
        another |= pass != passes[0];
        std::ranges::sort(pass);
        CHECK(std::ranges::adjacent_find(pass) == pass.end());
    }
    CHECK(another);
    CHECK(order == data::balanced_order(dataset, 3 * 10 * rare, Rng{1}));
    CHECK(order != data::balanced_order(dataset, 3 * 10 * rare, Rng{2}));
}

TEST_CASE("batches: with balance_classes each batch has equally many of every class, for any number of processes") {
    const auto dataset = skewed();
    const BatchOptions options{.drop_last = true, .rng = Rng{7}, .balance_classes = true};
    std::vector<Token> whole;
    std::size_t wrong = 0;
    for (auto&& batch : batches(dataset, 9, options)) {
        for (const std::uint32_t c : {0u, 1u, 3u}) wrong += std::ranges::count(batch.labels, Label{c}) != 3;
        for (std::size_t n = 0; n < batch.size(); ++n) {
            wrong += dataset.label(batch.x[n][0]) != batch.labels[n];
            whole.push_back(batch.x[n][0]);
        }
    }
    CHECK(wrong == 0);
    CHECK(whole.size() == 90);
    BatchOptions later = options;
    later.first = 4;
    std::vector<Token> rest;
    for (auto&& batch : batches(dataset, 9, later))
        for (std::size_t n = 0; n < batch.size(); ++n) rest.push_back(batch.x[n][0]);
    CHECK(support::equal_values(std::vector<Token>(whole.begin() + 36, whole.end()), rest));
    Rng seed{3}, again{3};
    DataPosition position{seed};
    std::vector<Token> resumed;
    for (auto&& batch : batches(dataset, 9, position, {.balance_classes = true})) {
        resumed.push_back(batch.x[0][0]);
        if (resumed.size() == 3) break;
    }
    for (auto&& batch : batches(dataset, 9, position, {.balance_classes = true})) resumed.push_back(batch.x[0][0]);
    DataPosition start{again};
    std::vector<Token> once;
    for (auto&& batch : batches(dataset, 9, start, {.balance_classes = true})) once.push_back(batch.x[0][0]);
    CHECK(resumed == once);
}

TEST_CASE("batches: balance_classes without labels or without shuffling is refused") {
    const data::Tokens<1> plain{std::vector<Token>(5)};
    const auto dataset = skewed();
    CHECK(support::message<ArgumentError>([&] { std::ignore = batches(plain, 2, {.balance_classes = true}); }) ==
          "batches: balance_classes: expected a dataset with labels, got none");
    CHECK(support::message<ArgumentError>([&] { std::ignore = data::balanced_order(plain, 2, Rng{}); }) ==
          "balanced_order: expected a dataset with labels, got none");
    CHECK(support::message<ArgumentError>([&] {
              std::ignore = batches(dataset, 2, {.shuffle = false, .balance_classes = true});
          }) == "batches: balance_classes: expected shuffle, got the order of the dataset");
}

TEST_CASE("balanced_order: takes memory for the classes that there are, not for the largest number of one") {
    const Label other{4294967290};  // a table up to it would need 240 GB
    const data::Tokens<1> set{{0, 1, 2, 3, 4}, {Label{7}, other, Label{7}, Label{7}, other}, 4294967295};
    const auto order = data::balanced_order(set, 100, Rng{1});
    std::size_t large = 0;
    for (const std::uint32_t i : order) large += i == 1 || i == 4;
    CHECK(large == 50);
}
