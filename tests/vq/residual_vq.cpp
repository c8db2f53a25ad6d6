#include <tessera/vq/residual_vq.hpp>

#include <doctest/doctest.h>
#include <golden/residual.hpp>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/quantizer_run.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/fsq.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;
using support::batch_of;

namespace residual_vq_test {

namespace {

template <class Spec, class In, class T = float>
using Bound = vq::BindQuantizer<Spec, In, T>;

template <class Spec, class In, class T = float>
using Run = support::QuantizerRun<Spec, In, T>;

template <class Spec>
using VaeOf = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;

using Mixed = ResidualVqOf<Codebook<8>, Codebook<5>>;
using Shared = ResidualVq<Codebook<8>, 3, Codebooks::shared>;

static_assert(vq::QuantizerSpec<ResidualVq<Codebook<8>, 2>, Shape<4>>);
static_assert(Bound<Mixed, Shape<2, 4>>::codes == 8 && Bound<Mixed, Shape<2, 4>>::tokens == 4);
static_assert(Bound<Mixed, Shape<2, 4>>::codes_of(0) == 8 && Bound<Mixed, Shape<2, 4>>::codes_of(3) == 5);
static_assert(vq::tokens_per_position<Bound<Mixed, Shape<2, 4>>> == 2);
// Levels of levels: three tokens for each position, of vocabularies 8, 5 and 4.
using Nested = ResidualVqOf<Mixed, Codebook<4>>;
static_assert(vq::tokens_per_position<Bound<Nested, Shape<2, 4>>> == 3);
static_assert(Bound<Nested, Shape<2, 4>>::codes_of(1) == 5 && Bound<Nested, Shape<2, 4>>::codes_of(5) == 4);

/// The names of a parameter set or of a state.
template <class P>
std::vector<std::string> names() {
    std::vector<std::string> all;
    const P p{};
    P::each([&](const ParamPath& path, const auto&) { all.push_back(path.str()); }, p);
    return all;
}

}  // namespace

TEST_CASE("ResidualVq: keeps the contract of quantizers, and its gradient is the exact chain") {
    using testing::Smooth;
    CHECK(support::keeps_quantizer_contract<ResidualVq<Smooth, 2>, Shape<3, 4>>({.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<ResidualVq<Smooth, 5>, Shape<2, 3>>({.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<ResidualVq<Smooth, 3, Codebooks::shared>, Shape<3, 4>>(
        {.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<ResidualVqOf<Smooth, ResidualVq<Smooth, 2>>, Shape<3, 4>>(
        {.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<ResidualVq<Smooth, 1>, Shape<3, 4>>({.differentiable = true}));
}

TEST_CASE("ResidualVq: keeps the contract around a Codebook and Fsq, with codebooks of several sizes, shared, nested") {
    CHECK(support::keeps_quantizer_contract<ResidualVq<Codebook<8>, 2>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<ResidualVq<Codebook<16>, 4>, Shape<5, 7>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<ResidualVq<Fsq<5, 5, 3>, 2>, Shape<2, 3>>());
    CHECK(support::keeps_quantizer_contract<Mixed, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<ResidualVqOf<Fsq<5, 4, 3>, Codebook<6>>, Shape<3, 3>>());
    CHECK(support::keeps_quantizer_contract<Shared, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<Nested, Shape<3, 4>>());
}

TEST_CASE("ResidualVq: each level has its name in files, a shared codebook its own") {
    using Names = std::vector<std::string>;
    CHECK(names<Bound<Mixed, Shape<4>>::Buffers>() == Names{"0.codebook.weight", "0.codebook.count", "0.codebook.sum",
                                                            "0.codebook.grace", "1.codebook.weight", "1.codebook.count",
                                                            "1.codebook.sum", "1.codebook.grace"});
    CHECK(names<Bound<Shared, Shape<4>>::Buffers>() ==
          Names{"codebook.weight", "codebook.count", "codebook.sum", "codebook.grace"});
    CHECK(names<Bound<ResidualVq<testing::Smooth, 2>, Shape<4>>::Params>() == Names{"0.gain", "1.gain"});
}

TEST_CASE_TEMPLATE("ResidualVq: tokens, terms and gradients are those of the formulas in PyTorch", T, float, double) {
    {
        Run<ResidualVqOf<Codebook<8>, Codebook<5>, Codebook<8>>, Shape<4>, T> run{12};
        support::fill_vectors(std::get<0>(run.buffers.level).book, 0);
        support::fill_vectors(std::get<1>(run.buffers.level).book, 1);
        support::fill_vectors(std::get<2>(run.buffers.level).book, 2);
        run.compare_step(golden::residual_tokens, golden::residual_q, golden::residual_terms, golden::residual_grad);
    }
    {
        Run<Shared, Shape<4>, T> run{12};
        support::fill_vectors(run.buffers.level[0].book, 1);
        // the terms of the levels are one, of the codebook that they share
        const double sum =
            golden::residual_shared_terms[0] + golden::residual_shared_terms[1] + golden::residual_shared_terms[2];
        run.compare_step(golden::residual_shared_tokens, golden::residual_shared_q, std::array{sum},
                         golden::residual_shared_grad);
    }
}

TEST_CASE("ResidualVq: settings and metadata say what the levels are") {
    using Levels = ResidualVqOf<Codebook<8>, Fsq<5, 4, 3>>;
    using Q = Bound<Levels, Shape<3>>;
    CHECK(Q::metadata() ==
          NamedValues{
              {"0.quantizer", "Codebook"}, {"1.quantizer", "Fsq"}, {"1.fsq.levels", "5,4,3"}, {"1.fsq.bound", "tanh"}});
    CHECK(Bound<ResidualVq<Fsq<5, 5>, 3>, Shape<2>>::metadata() ==
          NamedValues{{"level.quantizer", "Fsq"}, {"level.fsq.levels", "5,5"}, {"level.fsq.bound", "tanh"}});
    const auto settings = Q::settings({.dropout = 0.5, .keep = 2});
    CHECK(settings[0] == Setting{"residual.dropout", "0.5"});
    CHECK(settings[1] == Setting{"residual.keep", "2"});
    CHECK(std::ranges::find(settings, Setting{"0.commitment", "0.25"}) != settings.end());
    const auto alike = Bound<ResidualVq<Codebook<8>, 2>, Shape<3>>::settings({.inner = {.commitment = 2}});
    CHECK(std::ranges::find(alike, Setting{"commitment", "2"}) != alike.end());
}

TEST_CASE("ResidualVq: an option out of range is refused") {
    using Q = Bound<ResidualVq<Codebook<8>, 3>, Shape<4>>;
    const auto refused = [](const Q::Options& o) {
        return support::message<ArgumentError>([&] { Q::check_options(o); });
    };
    CHECK(refused({.dropout = 1, .keep = 2, .beam = 4}) == "");
    CHECK(refused({.dropout = 1, .keep = 3}) ==
          "ResidualVq: dropout: expected 0, because keep is the number of all levels, got 1");
    CHECK(refused({.dropout = 1.5}) == "ResidualVq: dropout: expected a number in [0, 1], got 1.5");
    CHECK(refused({.dropout = std::numeric_limits<double>::quiet_NaN()}) ==
          "ResidualVq: dropout: expected a number in [0, 1], got nan");
    CHECK(refused({.keep = 0}) == "ResidualVq: keep: expected 1 to 3, got 0");
    CHECK(refused({.keep = 4}) == "ResidualVq: keep: expected 1 to 3, got 4");
    CHECK(refused({.beam = 65536}) == "");
    CHECK(refused({.beam = 0}) == "ResidualVq: beam: expected 1 to 65536, got 0");
    CHECK(refused({.beam = 65537}) == "ResidualVq: beam: expected 1 to 65536, got 65537");
    CHECK(refused({.inner = {.commitment = -1}}) == "Codebook: commitment: expected a finite number >= 0, got -1");
    using F = Bound<ResidualVq<Fsq<5, 5>, 2>, Shape<2>>;
    CHECK(support::message<ArgumentError>([] { F::check_options({.beam = 2}); }) ==
          "ResidualVq: beam: expected 1, because a level does not offer its nearest few tokens, got 2");
}

// Without the subtraction of q_0 from r_1, or with a gradient for each level, dz would be a multiple of dq.
TEST_CASE("ResidualVq: with straight-through levels dz is dq, not depth times dq") {
    Run<ResidualVq<Codebook<8>, 4>, Shape<3, 4>, double> run{5};
    run.forward({.training = true});
    run.backward();
    double worst = 0;
    for (std::size_t i = 0; i < run.dz.span().size(); ++i)
        worst = support::larger(worst, std::abs(run.dz.data()[i] - run.dq.data()[i]));
    CHECK(worst < 1e-15);
}

// encodec #25, DAC #107, vector-quantize-pytorch #33: a residual that is not detached sends the commitment term of a
// level through the q of the levels before it.
TEST_CASE(
    "ResidualVq: the commitment term of a level moves z by its own residual only, and terms are the mean of levels") {
    Run<ResidualVq<Codebook<8>, 3>, Shape<4>, double> run{6};
    run.forward({.training = true});
    std::ranges::fill(run.dz.span(), 0.0);
    const auto terms = run.regularize(6);
    // term_l = beta mean (r_l - q_l)^2 / depth, and d / dz = 2 beta (r_l - q_l) / (numbers depth)
    std::array<double, 3> expected{};
    double worst = 0;
    for (std::size_t n = 0; n < 6; ++n)
        for (std::size_t i = 0; i < 4; ++i) {
            double rest = run.z[n][i], grad = 0;
            for (std::size_t l = 0; l < 3; ++l) {
                rest -= run.buffers.level[l].book.weight[run.tokens[n][l] * std::size_t{4} + i];
                expected[l] += 0.25 * rest * rest / 4 / 3;
                grad += 2 * 0.25 * rest / (6 * 4) / 3;
            }
            worst = support::larger(worst, std::abs(grad - run.dz[n][i]));
        }
    CHECK(worst < 1e-15);
    for (std::size_t l = 0; l < 3; ++l) CHECK(terms.level[l].commitment == doctest::Approx(expected[l]).epsilon(1e-12));
}

TEST_CASE("ResidualVq: the moving averages of a level are of the residual of the level before") {
    using Q = Bound<ResidualVq<Codebook<8>, 2>, Shape<4>>;
    Run<ResidualVq<Codebook<8>, 2>, Shape<4>> run{6};
    run.forward();
    Q::Statistics statistics;
    Q::observe(run.w, std::as_const(run.z), std::as_const(run.tokens), BatchPart::whole(6), Rng{2}, run.cache,
               statistics);
    float all[2]{}, expected[2]{};
    for (std::size_t l = 0; l < 2; ++l)
        for (const float s : statistics.level[l].s.span()) all[l] += s;
    for (std::size_t n = 0; n < 6; ++n)
        for (std::size_t i = 0; i < 4; ++i) {
            expected[0] += run.z[n][i];
            expected[1] += run.z[n][i] - run.buffers.level[0].book.weight[run.tokens[n][0] * std::size_t{4} + i];
        }
    CHECK(all[0] == doctest::Approx(expected[0]).epsilon(1e-5));
    CHECK(all[1] == doctest::Approx(expected[1]).epsilon(1e-5));
}

// vector-quantize-pytorch #162: a shared codebook was updated by each level in turn, so that later levels, and the
// tokens that had been returned, belonged to different codebooks.
TEST_CASE("ResidualVq: a shared codebook gets the statistics of all levels, and does not change between them") {
    using Q = Bound<Shared, Shape<4>>;
    Run<Shared, Shape<4>> run{40};
    run.forward({.training = true});
    const auto before = support::hash_bits(run.buffers);
    // All levels quantize with the same vectors: the sum of the vectors of all tokens is q.
    support::Mismatch wrong;
    const auto& weight = run.buffers.level[0].book.weight;
    Q::Statistics statistics;
    Q::observe(run.w, std::as_const(run.z), std::as_const(run.tokens), BatchPart::whole(40), Rng{2}, run.cache,
               statistics);
    std::array<float, 8> counts{};
    for (std::size_t n = 0; n < 40; ++n)
        for (std::size_t i = 0; i < 4; ++i) {
            float sum = 0;
            for (std::size_t l = 0; l < 3; ++l) {
                sum += weight[run.tokens[n][l] * std::size_t{4} + i];
                counts[run.tokens[n][l]] += i == 0;
            }
            wrong.compare(sum, run.q[n][i], "q of row ", n, ", number ", i);
        }
    for (std::size_t k = 0; k < 8; ++k) wrong.compare(counts[k], statistics.level[0].n[k], "count of vector ", k);
    CHECK(wrong.first() == "");
    CHECK(support::hash_bits(run.buffers) == before);
    Q::update(run.params, run.buffers, statistics, run.options);
    CHECK(support::hash_bits(run.buffers) != before);
}

TEST_CASE("ResidualVq: the candidates for a shared codebook are the residuals of all levels") {
    using Q = Bound<Shared, Shape<4>>;
    Run<Shared, Shape<4>> run{40};
    run.forward({.training = true});
    Q::Statistics statistics;
    Q::observe(run.w, std::as_const(run.z), std::as_const(run.tokens), BatchPart::whole(40), Rng{2}, run.cache,
               statistics);
    std::array<std::size_t, 3> from{};
    for (std::size_t j = 0; j < 8; ++j) {
        CHECK(statistics.level[0].present[j] == 1);
        for (std::size_t n = 0; n < 40; ++n) {
            std::array<float, 4> rest{};
            std::ranges::copy(run.z[n], rest.begin());
            for (std::size_t l = 0; l < 3; ++l) {
                from[l] +=
                    std::ranges::equal(rest, std::span{statistics.level[0].candidates.data() + j * 4, std::size_t{4}});
                for (std::size_t i = 0; i < 4; ++i)
                    rest[i] -= run.buffers.level[0].book.weight[run.tokens[n][l] * std::size_t{4} + i];
            }
        }
    }
    CHECK(from[0] + from[1] + from[2] == 8);
    CHECK(from[0] < 8);
}

TEST_CASE("ResidualVq: a token that is absent in a level adds nothing; fewer levels than there are can be decoded") {
    Run<ResidualVq<Codebook<8>, 3>, Shape<2, 4>> run{7};
    run.forward();
    std::array<double, 4> error{};
    const auto tokens = run.tokens;
    support::Mismatch wrong;
    for (std::size_t levels = 0; levels <= 3; ++levels) {
        for (std::size_t i = 0; i < tokens.span().size(); ++i)
            run.tokens.data()[i] = i % 3 < levels ? tokens.data()[i] : no_token;
        run.lookup();
        error[levels] = run.error();
        for (std::size_t p = 0; p < 14; ++p)
            for (std::size_t i = 0; i < 4; ++i) {
                float sum = 0;
                for (std::size_t l = 0; l < levels; ++l)
                    sum += run.buffers.level[l].book.weight[tokens.data()[3 * p + l] * std::size_t{4} + i];
                wrong.compare(sum, run.q.data()[4 * p + i], "levels ", levels, ", position ", p, ", number ", i);
            }
    }
    CHECK(wrong.first() == "");
    CHECK(error[1] < error[0]);
}

TEST_CASE("ResidualVq: quantize dropout drops the last levels of a whole step, as drawn from its generator") {
    using Spec = ResidualVq<Codebook<8>, 4>;
    Run<Spec, Shape<3, 4>> run{6};
    run.options = {.dropout = 0.75, .keep = 2};
    run.pack();
    std::array<int, 5> steps{};
    support::Mismatch wrong;
    for (std::uint64_t step = 0; step < 400; ++step) {
        run.forward({.training = true, .rng = Rng{3}.split(step)});
        std::size_t levels = 0;
        while (levels < 4 && run.tokens.data()[levels] != no_token) ++levels;
        ++steps[levels];
        for (std::size_t i = 0; i < run.tokens.span().size(); ++i)
            wrong.compare(run.tokens.data()[i] != no_token, i % 4 < levels, "step ", step, ", token ", i);
    }
    CHECK(wrong.first() == "");
    // 3 of 4 steps draw 2, 3 or 4 levels: 100 of 400 run 2, 100 run 3, 200 run 4
    CHECK(steps[0] + steps[1] == 0);
    CHECK(std::abs(steps[2] - 100) < 30);
    CHECK(std::abs(steps[3] - 100) < 30);
    run.forward();
    CHECK(std::ranges::count(run.tokens.span(), no_token) == 0);  // never in evaluation
}

TEST_CASE("ResidualVq: samples of a step with dropout are independent of the block that they are in") {
    using Spec = ResidualVq<Codebook<8>, 4>;
    using Q = Bound<Spec, Shape<3, 4>>;
    Run<Spec, Shape<3, 4>> whole{6}, single{6};
    support::Mismatch wrong;
    for (std::uint64_t step = 0; step < 20; ++step) {
        for (auto* run : {&whole, &single}) {
            run->options.dropout = 1;
            run->pack();
        }
        const nn::Pass pass{.training = true, .rng = Rng{5}.split(step)};
        whole.forward(pass);
        whole.backward();
        for (std::size_t n = 0; n < 6; ++n) {
            nn::Pass own = pass;
            own.first = n;
            const auto at = [n](auto& tensor) { return tensor.view().slice(n, 1); };
            Q::forward(single.w, own, at(std::as_const(single.z)), at(single.tokens), at(single.q), single.cache);
            Q::backward(single.w, at(std::as_const(single.z)), at(std::as_const(single.tokens)),
                        at(std::as_const(single.q)), at(std::as_const(single.dq)), at(single.dz), single.cache,
                        single.grad);
        }
        wrong.compare(support::hash_bits(std::as_const(whole.tokens).span()),
                      support::hash_bits(std::as_const(single.tokens).span()), "tokens of step ", step);
        wrong.compare(support::hash_bits(std::as_const(whole.dz).span()),
                      support::hash_bits(std::as_const(single.dz).span()), "dz of step ", step);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("ResidualVq: levels that are dropped have no terms, no gradient and no statistics") {
    using Spec = ResidualVq<Codebook<8>, 3>;
    using Q = Bound<Spec, Shape<4>>;
    Run<Spec, Shape<4>, double> run{6};
    run.options = {.dropout = 1, .keep = 1};
    run.pack();
    std::uint64_t step = 0;
    do run.forward({.training = true, .rng = Rng{3}.split(step++)});
    while (run.tokens.data()[1] != no_token);
    run.backward();
    CHECK(support::equal_values(run.dz.span(), run.dq.span()));
    const auto terms = run.regularize();
    CHECK(terms.level[0].commitment > 0);
    CHECK(terms.level[1].commitment == 0);
    CHECK(terms.level[2].commitment == 0);
    using D = Bound<Spec, Shape<4>, double>;
    D::Statistics statistics;
    D::observe(run.w, std::as_const(run.z), std::as_const(run.tokens), BatchPart::whole(6), Rng{2}, run.cache,
               statistics);
    for (const double n : statistics.level[1].n.span()) CHECK(n == 0);
    static_assert(Q::depth == 3);
}

TEST_CASE(
    "ResidualVq: a beam finds a chain at least as near as the nearest tokens, and an exhaustive one the nearest") {
    using Spec = ResidualVq<Codebook<4>, 3>;
    Run<Spec, Shape<5, 3>> run{12};
    std::array<double, 3> error{};
    for (std::size_t b = 0; b < 3; ++b) {
        run.options.beam = std::array<std::size_t, 3>{1, 3, 64}[b];
        run.pack();
        run.forward();
        error[b] = run.error();
        const auto q = run.q;
        run.lookup();
        CHECK(support::equal_values(q.span(), run.q.span()));
    }
    CHECK(error[1] < error[0]);
    CHECK(error[2] <= error[1]);
    // 4^3 chains: the best of all
    support::Mismatch wrong;
    double best_of_all = 0;
    for (std::size_t p = 0; p < 60; ++p) {
        double best = 1e9;
        for (std::size_t chain = 0; chain < 64; ++chain) {
            double sum = 0;
            for (std::size_t i = 0; i < 3; ++i) {
                double rest = static_cast<double>(run.z.data()[3 * p + i]);
                for (std::size_t l = 0, c = chain; l < 3; ++l, c /= 4)
                    rest -= static_cast<double>(run.buffers.level[l].book.weight[c % 4 * 3 + i]);
                sum += rest * rest;
            }
            best = std::min(best, sum);
        }
        best_of_all += best;
    }
    CHECK(error[2] == doctest::Approx(best_of_all).epsilon(1e-5));
}

TEST_CASE("ResidualVq: a beam is the same for a batch and for one sample, and is not used in training") {
    using Spec = ResidualVqOf<Codebook<8>, Codebook<3>, Codebook<8>>;
    using Q = Bound<Spec, Shape<3, 4>>;
    Run<Spec, Shape<3, 4>> run{9}, single{9}, plain{9};
    for (auto* of : {&run, &single}) {
        of->options.beam = 5;
        of->pack();
    }
    run.forward();
    for (std::size_t n = 0; n < 9; ++n)
        Q::forward(single.w, {.first = n}, std::as_const(single.z).view().slice(n, 1), single.tokens.view().slice(n, 1),
                   single.q.view().slice(n, 1), single.cache);
    CHECK(support::equal_values(single.tokens.span(), run.tokens.span()));
    plain.forward();
    CHECK(!std::ranges::equal(run.tokens.span(), plain.tokens.span()));
    run.forward({.training = true});
    CHECK(support::equal_values(plain.tokens.span(), run.tokens.span()));
}

TEST_CASE("ResidualVq: a beam allocates nothing after the first call with the largest batch") {
    Run<ResidualVq<Codebook<8>, 3>, Shape<5, 4>> run{9};
    run.options.beam = 4;
    run.pack();
    run.forward();
    const std::size_t before = support::allocations();
    run.forward();
    CHECK(support::allocations() == before);
}

TEST_CASE("ResidualVq: a row with NaN is a NumericError, with a beam and without") {
    for (const std::size_t beam : {1u, 3u}) {
        Run<ResidualVq<Codebook<8>, 2>, Shape<2, 4>> run{3};
        run.options.beam = beam;
        run.pack();
        run.z.data()[13] = std::numeric_limits<float>::quiet_NaN();
        CHECK(support::message<NumericError>([&] { run.forward({.first = 10}); }) ==
              "VqVae: encoder output 93: expected a finite number, got nan");
    }
}

TEST_CASE_TEMPLATE("ResidualVq: a VqVae trains, and each level that is decoded makes its images better", Spec,
                   ResidualVq<Codebook<8>, 2>, Mixed, Shared, ResidualVq<Fsq<5, 5, 5, 5>, 2>) {
    using Vae = VaeOf<Spec>;
    constexpr std::size_t per = vq::tokens_per_position<typename Vae::Quantizer>;
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
    const auto images = bars(48, 1);
    const auto x = batch_of<float>(images);
    const double first = trainer.step(x).loss;
    typename Vae::Report last;
    for (int i = 0; i < 60; ++i) last = trainer.step(x);
    CHECK(last.loss < first);
    CHECK(last.levels.size() == per);

    const auto tokens = vae.encode(images);
    double before = 1e9;
    for (std::size_t levels = 0; levels <= per; ++levels) {
        Tensor<Token, Shape<Vae::tokens>> some{images.size()};
        for (std::size_t i = 0; i < some.span().size(); ++i)
            some.data()[i] = i % per < levels ? tokens.view().span()[i] : no_token;
        const auto y = vae.decode(some.view());
        double error = 0;
        for (std::size_t i = 0; i < y.span().size(); ++i) error += std::pow(y.data()[i] - x.data()[i], 2);
        if (levels <= 1 || levels == per) CHECK(error < before);
        before = error;
    }
}

TEST_CASE("ResidualVq: reports have the perplexity and usage of each level, and their mean") {
    using Vae = VaeOf<Mixed>;
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}};
    const auto images = bars(40, 1);
    const auto report = trainer.step(batch_of<float>(images));
    CHECK(report.levels[0].codes == 8);
    CHECK(report.levels[1].codes == 5);
    CHECK(report.used == report.levels[0].used + report.levels[1].used);
    CHECK(report.perplexity == doctest::Approx(std::sqrt(report.levels[0].perplexity * report.levels[1].perplexity)));

    const auto all = vae.evaluate(images);
    const auto tokens = vae.encode(images);
    std::vector<std::size_t> counts(13);
    for (std::size_t i = 0; i < tokens.view().elements(); ++i) ++counts.at(tokens.view().span()[i] + (i % 2 ? 8 : 0));
    CHECK(all.counts == counts);
    REQUIRE(all.levels.size() == 2);
    std::size_t used = 0;
    CHECK(all.levels[1].perplexity == perplexity(std::vector<std::size_t>(counts.begin() + 8, counts.end()), &used));
    CHECK(all.levels[1].used == used);
    CHECK(all.levels[1].usage == static_cast<double>(used) / 5);
    CHECK(all.usage == static_cast<double>(all.levels[0].used + all.levels[1].used) / 13);
    CHECK(all.perplexity == doctest::Approx(std::sqrt(all.levels[0].perplexity * all.levels[1].perplexity)));
}

TEST_CASE("ResidualVq: a token must be in the vocabulary of its level to be decoded") {
    using Vae = VaeOf<Mixed>;
    Rng rng{1};
    const Vae vae{rng};
    Tensor<Token, Shape<8>> tokens{2};
    tokens[1][2] = 7;  // the first level of the second position
    CHECK(support::message<DataError>([&] { static_cast<void>(vae.decode(tokens.view())); }) == "");
    tokens[1][3] = 5;  // its second level
    CHECK(support::message<DataError>([&] { static_cast<void>(vae.decode(tokens.view())); }) ==
          "VqVae::decode: token 11: expected less than 5, got 5");
}

TEST_CASE("ResidualVq: training steps give the same bits with one, two and three threads") {
    const auto trained = []<class Spec>(Spec, typename VaeOf<Spec>::Options options) {
        return support::same_for_threads([&] {
            Rng rng{1};
            VaeOf<Spec> vae{rng, options};
            Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}};
            for (std::uint64_t step = 0; step < 3; ++step) trainer.step(batch_of<float>(bars(70, step)));
            return std::pair{support::hash_state(vae), support::hash_bits(vae.encode(bars(30, 9)).view().span())};
        });
    };
    CHECK(trained(ResidualVq<Codebook<8>, 3>{}, {.dropout = 0.5, .beam = 3}));
    CHECK(trained(Mixed{}, {}));
    CHECK(trained(Shared{}, {}));
}

}  // namespace residual_vq_test
