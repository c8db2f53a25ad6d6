#include <tessera/gpt/sequence_nats.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

using namespace tessera;

namespace sequence_nats_test {

namespace {
constexpr GptConfig config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
using Model = Gpt<config>;
}  // namespace

TEST_CASE("sequence_nats: each sequence has the negative log of the product of its tokens' probabilities") {
    const auto model = support::moved_model<Model>();
    const auto x = support::sequences<config>(35, 2);  // two groups and a part of one
    const auto nats = sequence_nats(model.freeze(), x.view(), x.labels());
    const auto logits = model.logits(x.view(), x.labels());
    support::Mismatch wrong;
    REQUIRE(nats.size() == x.size());
    for (std::size_t n = 0; n < x.size(); ++n) {
        double expected = 0;
        for (std::size_t i = 0; i < config.context; ++i) {
            double sum = 0;
            for (std::size_t k = 0; k < config.vocab; ++k)
                sum += std::exp(static_cast<double>(logits[n][i * config.vocab + k]));
            expected += std::log(sum) - static_cast<double>(logits[n][i * config.vocab + x[n][i]]);
        }
        wrong.require(std::abs(nats[n] - expected) < 1e-5 * expected, "sequence ", n, ": expected ", expected, ", got ",
                      nats[n]);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("sequence_nats: its mean over tokens is that of evaluate, and a sequence does not depend on the others") {
    const auto model = support::moved_model<Model>();
    const auto frozen = model.freeze();
    const auto x = support::sequences<config>(35, 2);
    const auto nats = sequence_nats(frozen, x.view(), x.labels());
    double total = 0;
    for (const double n : nats) total += n;
    CHECK(total / (35.0 * config.context) == doctest::Approx(frozen.evaluate(x)).epsilon(1e-12));
    support::Mismatch wrong;
    for (const std::size_t n : {0, 3, 34})
        wrong.compare_bits(std::vector<double>{nats[n]},
                           sequence_nats(frozen, x.view().slice(n, 1), x.labels().subspan(n, 1)), "sequence ", n);
    CHECK(wrong.first() == "");
    CHECK(sequence_nats(frozen, {}).empty());
}

TEST_CASE("sequence_nats: the first tokens alone, on which the others have no influence") {
    const auto frozen = support::moved_model<Model>().freeze();
    const auto x = support::sequences<config>(3, 2);
    std::vector<Token> changed(x.view().span().begin(), x.view().span().end());
    for (std::size_t i = 0; i < changed.size(); ++i)
        if (i % config.context >= 7) changed[i] = (changed[i] + 1) % config.vocab;
    const View<const Token, Shape<config.context>> other{changed.data(), 3};
    const auto seven = sequence_nats(frozen, x.view(), x.labels(), 7);
    support::Mismatch wrong;
    wrong.compare_bits(seven, sequence_nats(frozen, other, x.labels(), 7), "other tokens after the first 7");
    for (std::size_t i = 0; i < changed.size(); ++i)
        if (i % config.context >= 7) changed[i] = no_token;
    wrong.compare_bits(seven, sequence_nats(frozen, other, x.labels(), 7), "no tokens after the first 7");
    CHECK(support::message<DataError>([&] { static_cast<void>(sequence_nats(frozen, other, x.labels(), 8)); }) ==
          "Gpt: sequence 0, token 7: expected less than 37, got 4294967295");
    wrong.compare_bits(sequence_nats(frozen, x.view(), x.labels()),
                       sequence_nats(frozen, x.view(), x.labels(), config.context), "all tokens");
    CHECK(wrong.first() == "");
    CHECK((seven[0] > 0 && seven[0] < sequence_nats(frozen, x.view(), x.labels())[0]));
    CHECK(sequence_nats(frozen, x.view(), x.labels(), 0) == std::vector<double>(3));
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(sequence_nats(frozen, x.view(), x.labels(), config.context + 1));
          }) == "sequence_nats: known: expected at most 19, got 20");
}

TEST_CASE("sequence_nats: a token or a label out of range, and labels of another number, are errors") {
    const auto frozen = support::moved_model<Model>().freeze();
    const auto x = support::sequences<config>(2, 2);
    std::vector<Token> tokens(x.view().span().begin(), x.view().span().end());
    tokens[config.context + 3] = config.vocab;
    CHECK(support::message<DataError>([&] {
              static_cast<void>(sequence_nats(frozen, View<const Token, Shape<config.context>>{tokens.data(), 2}));
          }) == "Gpt: sequence 1, token 3: expected less than 37, got 37");
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(sequence_nats(frozen, x.view(), x.labels().first(1)));
          }) == "Gpt: labels: expected 2, got 1");
    const std::vector<Label> labels{Label{0}, Label{3}};
    CHECK(support::message<DataError>([&] { static_cast<void>(sequence_nats(frozen, x.view(), labels)); }) ==
          "Gpt: label 1: expected less than 3, got 3");
    constexpr GptConfig unlabelled{.vocab = 37, .context = 19, .width = 8, .heads = 2, .layers = 1};
    const auto without = support::moved_model<Gpt<unlabelled>>().freeze();
    CHECK(support::message<ArgumentError>([&] { static_cast<void>(sequence_nats(without, x.view(), x.labels())); }) ==
          "sequence_nats: labels: expected none, as the prior has no classes, got 2");
}

}  // namespace sequence_nats_test
