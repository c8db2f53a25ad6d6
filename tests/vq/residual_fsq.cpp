#include <tessera/vq/residual_fsq.hpp>

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

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;
using support::batch_of;

namespace residual_fsq_test {

namespace {

template <class Spec, class In, class T = float>
using Run = support::QuantizerRun<Spec, In, T>;
using Two = vq::BindQuantizer<ResidualFsq<2, 5, 4, 3>, Shape<7, 3>, float>;
static_assert(vq::QuantizerSpec<ResidualFsq<2, 5, 4, 3>, Shape<7, 3>> && Two::tokens == 14 && Two::codes == 60);
static_assert(vq::tokens_per_position<Two> == 2);
static_assert(detail::power_up_to(5, 2, 100) == 25 && detail::power_up_to(5, 9, 100) == 100 &&
              detail::power_up_to(2, 24, std::size_t{1} << 24) == std::size_t{1} << 24);

}  // namespace

TEST_CASE("ResidualFsq: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<ResidualFsq<2, 5, 4, 3>, Shape<3, 3, 3>>());
    CHECK(support::keeps_quantizer_contract<ResidualFsq<1, 8, 5>, Shape<7, 2>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<ResidualFsq<6, 2>, Shape<5, 1>>());
    CHECK(support::keeps_quantizer_contract<ResidualFsq<4, 3, 3, 3, 3>, Shape<2, 4>>());
}

TEST_CASE_TEMPLATE("ResidualFsq: tokens, values and gradients are those of the formulas in PyTorch", T, float, double) {
    const std::span<const double> no_terms{};
    Run<ResidualFsq<2, 5, 4, 3>, Shape<3>, T> two{12};
    two.compare_step(golden::residual_fsq_2_5_4_3_tokens, golden::residual_fsq_2_5_4_3_q, no_terms,
                     golden::residual_fsq_2_5_4_3_grad, 3);
    Run<ResidualFsq<3, 3, 2>, Shape<2>, T> three{12};
    three.compare_step(golden::residual_fsq_3_3_2_tokens, golden::residual_fsq_3_3_2_q, no_terms,
                       golden::residual_fsq_3_3_2_grad, 3);
}

TEST_CASE("ResidualFsq: the levels divide the range into equal cells, each with one token per level") {
    // 3 levels of 4 values: 64 cells of (-4/3, 4/3), of size 1/24
    Run<ResidualFsq<3, 4>, Shape<1>, double> run{64};
    support::Mismatch wrong;
    std::set<std::vector<Token>> distinct;
    for (std::size_t k = 0; k < 64; ++k) {
        const double centre = (static_cast<double>(k) + 0.5) / 24 - 4.0 / 3;
        run.z.data()[k] = 4.0 / 3 * std::atanh(centre * 3 / 4);
    }
    run.forward();
    for (std::size_t k = 0; k < 64; ++k) {
        const double centre = (static_cast<double>(k) + 0.5) / 24 - 4.0 / 3;
        wrong.require(std::abs(run.q.data()[k] - centre) < 1e-12, "cell ", k, ": expected ", centre, ", got ",
                      run.q.data()[k]);
        const auto tokens = run.tokens[k];
        distinct.insert({tokens.begin(), tokens.end()});
        wrong.compare(k, tokens[0] * 16 + tokens[1] * 4 + tokens[2], "tokens of cell ", k);
    }
    CHECK(wrong.first() == "");
    CHECK(distinct.size() == 64);
}

TEST_CASE_TEMPLATE("ResidualFsq: a number of any magnitude has valid tokens and a finite gradient", T, float, double) {
    Run<ResidualFsq<4, 5>, Shape<1>, T> run{5};
    const T sizes[] = {T(-1e4), T(1e4), -std::numeric_limits<T>::max(), std::numeric_limits<T>::max(), T(0)};
    std::ranges::copy(sizes, run.z.data());
    run.forward({.training = true});
    run.backward();
    for (std::size_t n = 0; n < 5; ++n)
        for (std::size_t l = 0; l < 4; ++l) CHECK(run.tokens[n][l] == (n == 4 ? 2 : n % 2 == 0 ? 0 : 4));
    for (std::size_t n = 0; n < 4; ++n) CHECK(run.dz.data()[n] == 0);
    CHECK(run.dz.data()[4] == run.dq.data()[4]);
}

TEST_CASE("ResidualFsq: dropped levels are the last of a whole step, and fewer levels can be decoded") {
    Run<ResidualFsq<3, 5, 4>, Shape<2, 2>> run{4};
    run.options = {.dropout = 1, .keep = 1};
    run.pack();
    std::set<std::size_t> seen;
    support::Mismatch wrong;
    for (std::uint64_t step = 0; step < 30; ++step) {
        run.forward({.training = true, .rng = Rng{2}.split(step)});
        const auto levels = static_cast<std::size_t>(
            std::ranges::count_if(run.tokens[0].first(3), [](Token t) { return t != no_token; }));
        seen.insert(levels);
        for (std::size_t i = 0; i < run.tokens.span().size(); ++i)
            wrong.compare(i % 3 < levels, run.tokens.data()[i] != no_token, "step ", step, ", token ", i);
        const auto q = run.q;
        run.lookup();
        wrong.compare(q.span(), run.q.span(), "q of step ", step);
    }
    CHECK(wrong.first() == "");
    CHECK(seen == std::set<std::size_t>{1, 2, 3});
}

TEST_CASE("ResidualFsq: a number that is not finite, and an option out of range, are refused") {
    Run<ResidualFsq<2, 3, 3>, Shape<2, 2>> run{3};
    run.z.data()[7] = std::numeric_limits<float>::infinity();
    CHECK(support::message<NumericError>([&] { run.forward({.first = 5}); }) ==
          "ResidualFsq: encoder output 27: expected a finite number, got inf");
    CHECK(support::message<ArgumentError>([] { Two::check_options({.dropout = -0.5}); }) ==
          "ResidualFsq: dropout: expected a number in [0, 1], got -0.5");
    CHECK(support::message<ArgumentError>([] { Two::check_options({.keep = 3}); }) ==
          "ResidualFsq: keep: expected 1 to 2, got 3");
    CHECK(Two::metadata() == NamedValues{{"residual_fsq.levels", "5,4,3"}});
    CHECK(Two::settings({.dropout = 0.5})[0] == Setting{"residual.dropout", "0.5"});
}

TEST_CASE("ResidualFsq: a VqVae trains to better images, with the same bits for any number of threads") {
    using Vae = VqVae<support::TinyEncoder<float>, ResidualFsq<2, 5, 5, 3, 3>, support::TinyDecoder<float>>;
    double first = 0, last = 0;
    CHECK(support::same_for_threads([&] {
        Rng rng{1};
        Vae vae{rng, {.dropout = 0.3}};
        Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
        const auto x = batch_of<float>(bars(70, 1));
        first = trainer.step(x).loss;
        for (int i = 0; i < 30; ++i) last = trainer.step(x).loss;
        return std::pair{support::hash_state(vae), support::hash_bits(vae.encode(bars(30, 9)).view().span())};
    }));
    CHECK(last < first);
}

}  // namespace residual_fsq_test
