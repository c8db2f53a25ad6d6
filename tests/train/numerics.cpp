// Training in extreme cases: one codebook vector, one token, constant images, a batch that is a million times too
// large.
#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/vq/collapse_watch.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;

namespace {

using Vae = support::TinyVae<float>;

/// The name of the first tensor with such an element, "" if none.
template <class Model>
std::string non_finite_tensor(const Model& model) {
    std::string name;
    Model::each_state(
        [&](const ParamPath& path, const auto& leaf) {
            for (const auto v : leaf.span())
                if (name.empty() && !std::isfinite(v)) name = path.str();
        },
        model);
    return name;
}

}  // namespace

TEST_CASE(
    "Numerics: one codebook vector trains with perplexity 1, and a prior of one token and one position has loss 0") {
    Rng rng{1};
    support::TinyVae<float, 1> vae{rng};
    Trainer trainer{vae, AdamW{vae}};
    const auto pictures = bars(40, 1);
    const auto x = support::batch_of<float>(pictures);
    VqVaeReport report;
    for (int i = 0; i < 20; ++i) report = trainer.step(x);
    CHECK(report.perplexity == 1);
    CHECK(report.used == 1);
    CHECK(non_finite_tensor(vae) == "");
    CHECK(vae.evaluate(pictures).usage == 1);

    constexpr GptConfig least{.vocab = 1, .context = 1, .width = 4, .heads = 1, .layers = 1};
    Gpt<least> prior{rng};
    Trainer second{prior, AdamW{prior}};
    const data::Tokens<1> tokens{std::vector<Token>(5, 0)};
    for (int i = 0; i < 5; ++i) CHECK(second.step(support::batch_of<Gpt<least>>(tokens)).loss == 0);
    CHECK(non_finite_tensor(prior) == "");
    CHECK(prior.evaluate(tokens) == 0);
    CHECK(sample(prior, 3, {}, rng).view().span()[2] == 0);
}

TEST_CASE("Numerics: identical images collapse onto few codebook vectors, and a CollapseWatch reports it, but not for "
          "other images") {
    const auto train = [](const Tensor<float, support::TinyImage>& x) {
        Rng rng{1};
        support::TinyVae<float, 32> vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
        CollapseWatch watch{vae.codes};
        VqVaeReport report;
        std::vector<int> told;
        for (int i = 1; i <= 200; ++i) {
            report = trainer.step(x);
            if (watch.add(report.perplexity)) told.push_back(i);
            REQUIRE(std::isfinite(report.loss));
            REQUIRE(report.used >= 1);
        }
        CHECK(non_finite_tensor(vae) == "");
        return std::pair{report, told};
    };
    Tensor<float, support::TinyImage> gray{32};
    std::ranges::fill(gray.span(), 0.5f);
    const auto [report, told] = train(gray);
    CHECK(report.used <= 4);  // an image has four places, each with one vector
    CHECK(report.perplexity <= 4.0001);
    CHECK(report.loss < 1e-3);
    CHECK(told == std::vector{100});
    CHECK(train(support::batch_of<float>(bars(32, 1))).second.empty());
}

TEST_CASE("Numerics: the moving averages of unused codebook vectors stay finite, also when all images are black") {
    Rng rng{1};
    Vae vae{rng, {.ema = {.decay = 0.5}, .revive = {.below = 0}}};
    Trainer trainer{vae, AdamW{vae}};
    const Tensor<float, support::TinyImage> x{8};
    for (int i = 0; i < 300; ++i) trainer.step(x);  // counts fade to 2^-300
    CHECK(non_finite_tensor(vae) == "");
}

TEST_CASE("Numerics: a batch a million times too large moves clipped weights no further than any other batch, and "
          "training recovers") {
    const auto good = support::batch_of<float>(bars(64, 1));
    auto spike = support::batch_of<float>(bars(64, 2));
    for (float& v : spike.span()) v *= 1e6f;
    const auto train = [&](bool disturbed) {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 3e-3, .weight_decay = 0}}, {.clip_norm = 1}};
        for (int i = 0; i < 100; ++i) trainer.step(good);
        const double ordinary = trainer.step(good).grad_norm;
        if (disturbed) {
            const auto at = vae.params();
            CHECK(trainer.step(spike).grad_norm > 1e3 * ordinary);
            double largest = 0;
            Vae::Params::each(
                [&](const ParamPath&, const auto& a, const auto& b) {
                    for (std::size_t i = 0; i < a.span().size(); ++i)
                        largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
                },
                at, vae.params());
            CHECK(largest < 20 * 3e-3);  // Adam's bound for one surprise is (1 - b1) / sqrt(1 - b2) = 3.2 rates
        }
        double loss = 0;
        for (int i = 0; i < 800; ++i) loss = trainer.step(good).loss;
        CHECK(non_finite_tensor(vae) == "");
        return loss;
    };
    const double calm = train(false), disturbed = train(true);
    // The codebook has to recover as well: moving averages and revival need some hundred steps, not fifty. A program
    // that cannot wait for that sets reject_spikes.
    CHECK(disturbed < 1.05 * calm);
}

TEST_CASE("Numerics: with reject_spikes an outlier is an error without side effects, whether a whole batch or one "
          "image of it") {
    const auto good = support::batch_of<float>(bars(64, 1));
    auto bright = support::batch_of<float>(bars(64, 2)), one_bright = bright;
    for (float& v : bright.span()) v *= 1e6f;
    for (float& v : one_bright[40]) v *= 1e6f;
    const auto train = [&](const Tensor<float, support::TinyImage>* spike) {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 3e-3, .weight_decay = 0}}, {.clip_norm = 1, .reject_spikes = 10}};
        double loss = 0;
        for (int i = 0; i < 150; ++i) {
            if (spike && i == 100) {
                const std::string told = support::message<NumericError>([&] { trainer.step(*spike); });
                CHECK(told.starts_with("Trainer: step 100: gradient: norm: expected at most 10 times the usual "));
            }
            loss = trainer.step(good).loss;
        }
        return std::pair{loss, support::hash_state(trainer)};
    };
    const auto calm = train(nullptr);
    CHECK(train(&bright) == calm);  // so the loss is within 5 % after 50 steps
    CHECK(train(&one_bright) == calm);
}

TEST_CASE("Numerics: a learning rate of zero changes no weight, and invalid options are refused by name") {
    Rng rng{1};
    Vae vae{rng};
    const auto before = support::hash_bits(vae.params());
    Trainer trainer{vae, AdamW{vae, {.lr = 0}}};
    for (int i = 0; i < 3; ++i) trainer.step(support::batch_of<float>(bars(20, 1)));
    CHECK(support::hash_bits(vae.params()) == before);

    const auto refused = [&](CodebookOptions options) {
        return support::message<ArgumentError>([&] { Vae{rng, options}; });
    };
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    CHECK(refused({.commitment = nan}) == "Codebook: commitment: expected a finite number >= 0, got nan");
    CHECK(refused({.ema = {.decay = 1}}) == "Codebook: ema.decay: expected a number in [0, 1), got 1");
    CHECK(refused({.ema = {.eps = infinity}}) == "Codebook: ema.eps: expected a finite number >= 0, got inf");
    CHECK(refused({.revive = {.below = 1.5}}) == "Codebook: revive.below: expected a number in [0, 1], got 1.5");

    using Prior = Gpt<support::tiny_gpt>;
    const auto dropout = [&](float share) {
        return support::message<ArgumentError>([&] { Prior{rng, {.label_dropout = share}}; });
    };
    CHECK(dropout(1) == "");
    CHECK(dropout(0) == "");
    CHECK(dropout(1.1f) == "Gpt: label_dropout: expected a number in [0, 1], got 1.100000");
    CHECK(dropout(nan) == "Gpt: label_dropout: expected a number in [0, 1], got nan");
}
