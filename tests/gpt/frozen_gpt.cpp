#include <tessera/gpt/frozen_gpt.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/gpt/sample.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tessera;

namespace frozen_gpt_test {

namespace {

constexpr GptConfig config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
using Model = Gpt<config>;

}  // namespace

TEST_CASE("FrozenGpt: has the bits of the model that it was made from, also after the model has changed") {
    auto model = support::moved_model<Model>();
    const auto x = support::sequences<config>(5, 2);
    const auto logits = model.logits(x.view(), x.labels());
    const double loss = model.evaluate(x);
    const auto frozen = model.freeze();
    Model::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(0.25f); }, model.params());
    CHECK(!std::ranges::equal(model.logits(x.view(), x.labels()).span(), logits.span()));
    CHECK(support::equal_values(logits.span(), frozen.logits(x.view(), x.labels()).span()));
    CHECK(frozen.evaluate(x) == loss);
}

TEST_CASE("FrozenGpt: one KvCache serves a model and its frozen weights") {
    const auto model = support::moved_model<Model>();
    const auto frozen = model.freeze();
    KvCache<Model> of_model{2};
    KvCache<std::remove_const_t<decltype(frozen)>> of_frozen{2};
    const std::vector<Token> tokens{config.null_token(), config.label_token(Label{1})};
    CHECK(support::equal_values(of_model.step(frozen, tokens), of_frozen.step(frozen, tokens)));
}

TEST_CASE("FrozenGpt: an object that was moved from is refused, and works after it was packed again") {
    const auto model = support::moved_model<Model>();
    auto frozen = model.freeze();
    const auto kept = std::move(frozen);
    const auto x = support::sequences<config>(5, 2);
    KvCache<Model> cache{1};
    Rng rng{1};
    const std::string message = "FrozenGpt: expected packed weights, got an object that is empty or was moved from";
    CHECK(support::message<StateError>([&] { static_cast<void>(frozen.evaluate(x)); }) == message);
    CHECK(support::message<StateError>([&] { static_cast<void>(frozen.logits(x.view(), x.labels())); }) == message);
    CHECK(support::message<StateError>([&] { static_cast<void>(sample(frozen, 2, {}, rng)); }) == message);
    CHECK(support::message<StateError>(
              [&] { static_cast<void>(cache.step(frozen, std::vector<Token>{config.null_token()})); }) == message);
    frozen.pack_forward(model.params().net, kept.knows());
    CHECK(frozen.evaluate(x) == kept.evaluate(x));
}

TEST_CASE("FrozenGpt: its errors are those of the model") {
    const auto frozen = support::moved_model<Model>().freeze();
    std::vector<Token> tokens(config.context);
    tokens[3] = config.vocab;
    CHECK(support::message<DataError>([&] {
              static_cast<void>(frozen.logits({tokens.data(), 1}));
          }) == "Gpt: sequence 0, token 3: expected less than 37, got 37");
    CHECK(support::message<ArgumentError>([&] { static_cast<void>(frozen.evaluate({})); }) ==
          "Gpt::evaluate: sequences: expected at least one, got 0");
}

}  // namespace frozen_gpt_test
