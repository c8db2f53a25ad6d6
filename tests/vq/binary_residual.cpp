#include <tessera/vq/binary_residual.hpp>

#include <doctest/doctest.h>
#include <golden/residual.hpp>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/quantizer_run.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>

using namespace tessera;
using support::bars;
using support::batch_of;

namespace binary_residual_test {

namespace {

template <class Spec, class In, class T = float>
using Run = support::QuantizerRun<Spec, In, T>;
using ByChannel = BinaryResidual<4, BinaryTokens::channels>;
using Rounds = vq::BindQuantizer<BinaryResidual<4>, Shape<7, 3>, float>;
using Channels = vq::BindQuantizer<ByChannel, Shape<7, 40>, float>;
static_assert(Rounds::tokens == 28 && Rounds::codes == 8 && vq::tokens_per_position<Rounds> == 4);
static_assert(Channels::tokens == 280 && Channels::codes == 16 && vq::tokens_per_position<Channels> == 40);
static_assert(vq::BindQuantizer<BinaryResidual<2>, Shape<31>, float>::codes == std::size_t{1} << 31);

}  // namespace

TEST_CASE("BinaryResidual: keeps the contract of quantizers, with tokens of rounds and of channels") {
    CHECK(support::keeps_quantizer_contract<BinaryResidual<4>, Shape<3, 3, 3>>());
    CHECK(support::keeps_quantizer_contract<BinaryResidual<1>, Shape<7, 5>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<BinaryResidual<24>, Shape<2, 31>>());
    CHECK(support::keeps_quantizer_contract<ByChannel, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<BinaryResidual<24, BinaryTokens::channels>, Shape<2, 33>>());
    CHECK(support::keeps_quantizer_contract<GroupedVq<BinaryResidual<3>, 2>, Shape<3, 8>>());
}

TEST_CASE_TEMPLATE("BinaryResidual: tokens, values and gradients are those of the formulas in PyTorch", T, float,
                   double) {
    const std::span<const double> no_terms{};
    Run<BinaryResidual<4>, Shape<3>, T> rounds{12};
    rounds.compare_step(golden::binary_rounds, golden::binary_q, no_terms, golden::binary_grad, 2);
    Run<ByChannel, Shape<3>, T> channels{12};
    channels.compare_step(golden::binary_channels, golden::binary_q, no_terms, golden::binary_grad, 2);
}

TEST_CASE("BinaryResidual: rounds bring q within 2^-rounds of tanh(z), and the first rounds are those of fewer") {
    Run<BinaryResidual<10>, Shape<5>> run{50};
    run.forward();
    support::Mismatch wrong;
    const auto tokens = run.tokens;
    for (std::size_t rounds = 1; rounds <= 10; ++rounds) {
        for (std::size_t i = 0; i < tokens.span().size(); ++i)
            run.tokens.data()[i] = i % 10 < rounds ? tokens.data()[i] : no_token;
        run.lookup();
        for (std::size_t i = 0; i < run.q.span().size(); ++i)
            wrong.require(
                std::abs(static_cast<double>(run.q.data()[i]) - std::tanh(static_cast<double>(run.z.data()[i]))) <=
                    std::ldexp(1, -static_cast<int>(rounds)) + 1e-6,
                "rounds ", rounds, ", number ", i, ", q ", run.q.data()[i]);
    }
    CHECK(wrong.first() == "");
    Run<BinaryResidual<4>, Shape<5>> fewer{50};
    fewer.forward();
    for (std::size_t n = 0; n < 50; ++n)
        for (std::size_t r = 0; r < 4; ++r)
            wrong.compare(tokens[n][r], fewer.tokens[n][r], "sample ", n, ", round ", r);
    CHECK(wrong.first() == "");
}

TEST_CASE("BinaryResidual: zero is a tie and gives the lower value; saturated numbers give the last values") {
    Run<BinaryResidual<3>, Shape<3>> run{1};
    const float z[] = {0, -1e30f, 1e30f};
    std::ranges::copy(z, run.z.data());
    run.forward({.training = true});
    CHECK(run.q.data()[0] == -0.125f);
    CHECK(run.q.data()[1] == -0.875f);
    CHECK(run.q.data()[2] == 0.875f);
    run.backward();
    CHECK(run.dz.data()[0] == run.dq.data()[0]);
    CHECK(run.dz.data()[1] == 0);
    CHECK(run.dz.data()[2] == 0);
}

TEST_CASE("BinaryResidual: a step with dropout has no tokens of the last rounds") {
    Run<BinaryResidual<4>, Shape<2, 3>> run{4};
    run.options = {.dropout = 1, .keep = 2};
    run.pack();
    support::Mismatch wrong;
    bool shorter = false;
    for (std::size_t step = 0; step < 30; ++step) {
        run.forward({.training = true, .rng = Rng{2}.split(step)});
        for (std::size_t i = 0; i < run.tokens.span().size(); ++i)
            wrong.compare(run.tokens.data()[i % 4] == no_token, run.tokens.data()[i] == no_token, "token ", i);
        wrong.require(run.tokens.data()[1] != no_token, "two rounds of step ", step);
        shorter = shorter || run.tokens.data()[2] == no_token;
        const auto q = run.q;
        run.lookup();
        wrong.compare(q.span(), run.q.span(), "q of step ", step);
    }
    CHECK(wrong.first() == "");
    CHECK(shorter);
}

TEST_CASE("BinaryResidual: a number that is not finite, and an option out of range, are refused") {
    Run<BinaryResidual<2>, Shape<2, 2>> run{3};
    run.z.data()[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK(support::message<NumericError>([&] { run.forward({.first = 5}); }) ==
          "BinaryResidual: encoder output 27: expected a finite number, got nan");
    CHECK(support::message<ArgumentError>([] { Rounds::check_options({.keep = 5}); }) ==
          "BinaryResidual: keep: expected 1 to 4, got 5");
    CHECK(support::message<ArgumentError>([] { Channels::check_options({.dropout = 0.5}); }) ==
          "BinaryResidual: dropout: expected 0, because a token has the bits of all rounds, got 0.5");
    CHECK(Channels::metadata() == NamedValues{{"binary.rounds", "4"}, {"binary.tokens", "channels"}});
    CHECK(Rounds::settings({.dropout = 0.5})[0] == Setting{"residual.dropout", "0.5"});
}

TEST_CASE_TEMPLATE("BinaryResidual: a VqVae trains to better images, with the same bits for any number of threads",
                   Spec, BinaryResidual<3>, ByChannel) {
    using Vae = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;
    double first = 0, last = 0;
    CHECK(support::same_for_threads([&] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
        const auto x = batch_of<float>(bars(70, 1));
        first = trainer.step(x).loss;
        for (int i = 0; i < 30; ++i) last = trainer.step(x).loss;
        return std::pair{support::hash_state(vae), support::hash_bits(vae.encode(bars(30, 9)).view().span())};
    }));
    CHECK(last < first);
}

TEST_CASE("BinaryResidual: as the level of a residual quantizer its options have separate names") {
    using Q = ResidualVq<BinaryResidual<2>, 2>::Bind<Shape<3, 2>, float>;
    std::set<std::string> keys;
    for (const Setting& setting : Q::settings({})) CHECK(keys.insert(setting.key).second);
    CHECK(support::keeps_quantizer_contract<ResidualVq<BinaryResidual<2>, 2>, Shape<3, 2>>());
}

}  // namespace binary_residual_test
