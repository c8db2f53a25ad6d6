// A prior memorises one sequence per label, and reaches the entropy of a Markov chain but not less.
#include <tessera/gpt/gpt.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using namespace tessera;

namespace {

constexpr GptConfig config{.vocab = 32, .context = 24, .width = 32, .heads = 4, .layers = 2, .classes = 3};
using Prior = Gpt<config>;

data::Tokens<24> one_sequence_a_label() {
    Rng rng{1};
    std::vector<Token> tokens(3 * 24);
    for (Token& t : tokens) t = static_cast<Token>(rng.below(32));
    return data::Tokens<24>{std::move(tokens), {Label{0}, Label{1}, Label{2}}, 3};
}

}  // namespace

TEST_CASE("Gpt: learns a sequence for each label to less than 0.05 nats, and samples it") {
    const auto x = one_sequence_a_label();
    Rng rng{1};
    Prior prior{rng, {.label_dropout = 0}};
    Trainer trainer{prior, AdamW{prior, {.lr = 3e-3}}, {.clip_norm = 1}};
    for (int step = 0; step < 300; ++step) trainer.step({x.view(), x.labels(), 0});
    const double nats = prior.evaluate(x);
    MESSAGE("nats per token: ", nats);
    CHECK(nats < 0.05);
    const auto drawn = sample(prior, 3, {.temperature = 0.1f, .labels = x.labels()}, rng);
    CHECK(support::equal_values(x.view().span(), drawn.view().span()));
}

TEST_CASE("Gpt: on sequences that are half random the loss reaches their entropy, and not less") {
    // every second token is the one before it plus one, the others are random: ln(32) / 2 nats
    Rng rng{1};
    Prior prior{rng, {.label_dropout = 1}};
    Trainer trainer{prior, AdamW{prior, {.lr = 2e-3}}, {.clip_norm = 1}};
    const auto draw = [&](std::size_t count) {
        std::vector<Token> tokens(count * 24);
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = static_cast<Token>(i % 2 ? (tokens[i - 1] + 1) % 32 : rng.below(32));
        return data::Tokens<24>{std::move(tokens)};
    };
    for (int step = 0; step < 400; ++step) trainer.step({draw(32).view(), {}, 0});
    const double nats = prior.evaluate(draw(200)), entropy = std::log(32.0) / 2;
    MESSAGE("nats per token: ", nats, ", entropy ", entropy);
    CHECK(nats < entropy + 0.08);
    CHECK(nats > entropy - 0.02);
}
