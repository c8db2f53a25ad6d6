// A prior is asked only for what it was trained with: labels, the null class, or both.

#include <tessera/gpt/any_order_gpt.hpp>
#include <tessera/gpt/complete.hpp>
#include <tessera/gpt/complete_any_order.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/known_conditions.hpp>
#include <tessera/gpt/likeliest_labels.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/gpt/sample_any_order.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <support/message.hpp>
#include <support/tiny_gpt.hpp>

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace tessera;
using support::batch_of;
using support::sequences;
using support::tiny_gpt;

namespace {

using Prior = Gpt<tiny_gpt>;
using AnyPrior = AnyOrderGpt<tiny_gpt>;
using NoClasses = Gpt<GptConfig{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1}>;
constexpr GptOptions labels_only{.label_dropout = 0}, no_labels{.label_dropout = 1};

data::Tokens<tiny_gpt.context> without_labels(std::size_t count) {
    const auto all = sequences<tiny_gpt>(count, 3);
    return data::Tokens<tiny_gpt.context>{{all.view().span().begin(), all.view().span().end()}};
}

template <class F>
std::string refused(F f) {
    return support::message<ArgumentError>(f);
}

}  // namespace

TEST_CASE_TEMPLATE("KnownConditions: a prior with classes is not trained without labels, unless it drops all", M, Prior,
                   AnyPrior) {
    const std::string name = std::is_same_v<M, Prior> ? "Gpt" : "AnyOrderGpt";
    const auto unlabelled = without_labels(4);
    Rng rng{1};
    M prior{rng}, dropping{rng, no_labels};
    Trainer trainer{prior, AdamW{prior}};
    CHECK(refused([&] { trainer.step(batch_of<M>(unlabelled)); }) ==
          name +
              ": labels: expected one per sequence, as the prior has 3 classes (without labels: label_dropout 1), got "
              "none");
    CHECK(trainer.steps() == 0);
    CHECK(trainer.step(batch_of<M>(sequences<tiny_gpt>(4, 3))).loss > 0);

    Trainer drops{dropping, AdamW{dropping}};
    CHECK(drops.step(batch_of<M>(unlabelled)).loss > 0);
}

TEST_CASE_TEMPLATE("KnownConditions: labels that are all dropped are the same as none", M, Prior, AnyPrior) {
    const auto labelled = sequences<tiny_gpt>(4, 3);
    const auto loss = [&](std::span<const Label> labels) {
        Rng rng{1};
        M prior{rng, no_labels};
        Trainer trainer{prior, AdamW{prior}};
        return trainer.step({labelled.view(), labels, 0}).loss;
    };
    CHECK(loss(labelled.labels()) == loss({}));
}

TEST_CASE_TEMPLATE("KnownConditions: those of a frozen prior are of its label dropout", M, Prior, AnyPrior) {
    const auto known = [](GptOptions options) { return support::moved_model<M>(options).freeze().knows(); };
    CHECK((known({}).labels && known({}).null_class));
    CHECK((known(labels_only).labels && !known(labels_only).null_class));
    CHECK((!known(no_labels).labels && known(no_labels).null_class));
}

TEST_CASE("KnownConditions: sampling, completing and evaluating with another condition are refused") {
    const std::vector<Label> labels{Label{0}, Label{2}};
    const std::vector<Token> unknown(2 * tiny_gpt.context, no_token);
    const View<const Token, Shape<tiny_gpt.context>> tokens{unknown.data(), 2};
    Rng rng{1};
    const auto messages = [&](GptOptions options, const std::vector<Label>& asked) {
        const auto prior = support::moved_model<Prior>(options);
        const auto any = support::moved_model<AnyPrior>(options);
        const SampleOptions sampling{.labels = asked};
        return std::vector{refused([&] { std::ignore = sample(prior, 2, sampling, rng); }),
                           refused([&] { std::ignore = complete(prior, tokens, sampling, rng); }),
                           refused([&] { std::ignore = sample_any_order(any, 2, {.sample = sampling}, rng); }),
                           refused([&] { std::ignore = complete(any, tokens, {.sample = sampling}, rng); })};
    };
    const std::vector<std::string> where{"sample: ", "complete: ", "sample_any_order: ", "complete: "};
    const std::string none =
        "labels: expected one per sequence, as the prior was trained with labels alone (label_dropout 0), got none";
    const auto never_labels = messages(no_labels, labels), never_null = messages(labels_only, {});
    for (std::size_t i = 0; i < where.size(); ++i) {
        CAPTURE(i);
        CHECK(never_labels[i] ==
              where[i] + "labels: expected none, as the prior was trained without labels (label_dropout 1), got 2");
        CHECK(never_null[i] == where[i] + none);
    }
    const auto with = support::moved_model<Prior>(labels_only);
    const auto any_with = support::moved_model<AnyPrior>(labels_only);
    CHECK(refused([&] { std::ignore = with.evaluate(without_labels(2)); }) == "Gpt::evaluate: " + none);
    CHECK(refused([&] { std::ignore = any_with.evaluate(without_labels(2)); }) == "AnyOrderGpt::evaluate: " + none);
    const auto without = support::moved_model<Prior>(no_labels);
    CHECK(refused([&] { std::ignore = likeliest_labels(without.freeze(), sequences<tiny_gpt>(2, 3).view()); }) ==
          "likeliest_labels: prior: expected one that was trained with labels, got one with label_dropout 1");
}

TEST_CASE_TEMPLATE("KnownConditions: evaluate() drops labels that were dropped in training", M, Prior, AnyPrior) {
    const auto prior = support::moved_model<M>(no_labels);
    CHECK(prior.evaluate(sequences<tiny_gpt>(3, 3)) == prior.evaluate(without_labels(3)));
}

TEST_CASE("KnownConditions: what a prior was trained with is allowed, and all without classes") {
    const std::vector<Label> labels{Label{0}, Label{2}};
    Rng rng{1};
    const auto both = support::moved_model<Prior>(), with = support::moved_model<Prior>(labels_only),
               without = support::moved_model<Prior>(no_labels);
    CHECK(sample(both, 2, {.labels = labels}, rng).size() == 2);
    CHECK(sample(both, 2, {}, rng).size() == 2);
    CHECK(sample(with, 2, {.labels = labels}, rng).size() == 2);
    CHECK(sample(without, 2, {}, rng).size() == 2);
    CHECK(with.evaluate(sequences<tiny_gpt>(2, 3)) > 0);
    CHECK(without.evaluate(without_labels(2)) > 0);
    CHECK(sample(with, 0, {}, rng).size() == 0);
    for (const GptOptions options : {labels_only, no_labels})
        CHECK(sample(support::moved_model<NoClasses>(options), 2, {}, rng).size() == 2);
}
