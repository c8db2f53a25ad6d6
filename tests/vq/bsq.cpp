#include <tessera/vq/bsq.hpp>

#include <doctest/doctest.h>
#include <golden/lfq.hpp>
#include <support/binary_quantizer.hpp>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;

namespace bsq_test {

namespace {

using Vae = VqVae<support::TinyEncoder<float>, Bsq<4>, support::TinyDecoder<float>>;
static_assert(vq::QuantizerSpec<Bsq<8>, Shape<7, 7, 8>>);

}  // namespace

TEST_CASE("Bsq: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Bsq<4>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Bsq<1>, Shape<5, 1>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<Bsq<18>, Shape<2, 18>>());
}

TEST_CASE("Bsq: the terms have the gradients of their values, with logits of every size") {
    CHECK(support::keeps_quantizer_contract<support::Gentle<Bsq<4>>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<support::Gentle<Bsq<9>>, Shape<4, 9>>({.seed = 5}));
}

TEST_CASE_TEMPLATE("Bsq: tokens, values, gradients and terms are those of PyTorch with a table of all codes", T, float,
                   double) {
    using namespace golden;
    support::same_as_pytorch<Bsq<4>, T, 4>(
        1, T(1), {bsq_4_q, bsq_4_tokens, bsq_4_grad, bsq_4_mean, bsq_4_terms, bsq_4_terms_grad});
    support::same_as_pytorch<Bsq<4>, T, 4>(100, T(1),
                                           {bsq_4_sharp_q, bsq_4_sharp_tokens, bsq_4_sharp_grad, bsq_4_sharp_mean,
                                            bsq_4_sharp_terms, bsq_4_sharp_terms_grad});
    support::same_as_pytorch<Bsq<9>, T, 9>(
        5, T(1), {bsq_9_q, bsq_9_tokens, bsq_9_grad, bsq_9_mean, bsq_9_terms, bsq_9_terms_grad});
}

TEST_CASE("Bsq: every token is a corner of the cube on the unit sphere, and is found again from it") {
    using Q = BsqQuantizer<Shape<6>, 6, float>;
    static_assert(Q::codes == 64);
    Q::Packed w;
    Q::Cache cache;
    Tensor<Token, Shape<1>> tokens{64}, again{64};
    for (std::size_t k = 0; k < 64; ++k) tokens.data()[k] = static_cast<Token>(k);
    Tensor<float, Shape<6>> q{64}, q_again{64};
    Q::lookup(w, std::as_const(tokens), q.view(), cache);
    support::Mismatch wrong;
    for (std::size_t k = 0; k < 64; ++k)
        for (std::size_t i = 0; i < 6; ++i)
            wrong.compare(((k >> i & 1) != 0 ? 1.f : -1.f) * static_cast<float>(1 / std::sqrt(6.0)), q[k][i], "token ",
                          k);
    Q::forward(w, {}, std::as_const(q), again.view(), q_again.view(), cache);
    wrong.compare(tokens.span(), again.span(), "tokens");
    wrong.compare(q.span(), q_again.span(), "q");
    CHECK(wrong.first() == "");
}

TEST_CASE("Bsq: a channel of 0 is negative, not the 0 of sign(0), which has no token") {
    using Q = BsqQuantizer<Shape<3>, 3, float>;
    Q::Packed w;
    Q::Cache cache;
    Tensor<float, Shape<3>> z{1}, q{1}, again{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[1] = -0.f;
    z.data()[2] = 1e-30f;
    Q::forward(w, {}, std::as_const(z), token.view(), q.view(), cache);
    CHECK(token.data()[0] == 4);
    CHECK(std::vector<float>(q.span().begin(), q.span().end()) ==
          std::vector<float>{-1 / std::sqrt(3.f), -1 / std::sqrt(3.f), 1 / std::sqrt(3.f)});
    Q::lookup(w, std::as_const(token), again.view(), cache);
    CHECK(std::ranges::equal(q.span(), again.span()));
}

TEST_CASE("Bsq: a vocabulary of 2^31 needs no table: state and weights have one number per bit") {
    using Q = BsqQuantizer<Shape<31>, 31, float>;
    static_assert(Q::codes == std::size_t{1} << 31);
    Q::Buffers buffers;
    CHECK(parameter_count(buffers) == 31);
    CHECK(parameter_count(Q::Statistics{}) == 32);
    CHECK(sizeof(Q::Packed) < 1024);
    Q::Packed w;
    Q::Cache cache;
    Tensor<float, Shape<31>> z{1}, q{1};
    Tensor<Token, Shape<1>> token{1};
    std::ranges::fill(z.span(), 1.f);
    Q::forward(w, {}, std::as_const(z), token.view(), q.view(), cache);
    CHECK(token.data()[0] == 0x7FFFFFFF);
}

TEST_CASE("Bsq: the mean of the bits is that of all processes and accumulated batches, not of each alone") {
    using Q = support::GentleQuantizer<BsqQuantizer<Shape<4>, 4, float>>;
    Empty none;
    Q::Buffers whole, parts;
    Q::Packed w;
    Q::Cache cache;
    Rng rng{1};
    Q::init(none, whole, rng);
    parts = whole;
    Q::pack(none, whole, {}, w);
    Tensor<float, Shape<4>> z{12};
    Tensor<Token, Shape<1>> tokens{12};
    for (float& v : z.span()) v = rng.normal();
    const auto seen = std::as_const(z).view();
    const auto chosen = std::as_const(tokens).view();
    Q::Statistics one, two;
    Q::observe(w, seen, chosen, BatchPart::whole(12), rng, cache, one);
    Q::observe(w, seen.slice(0, 7), chosen.slice(0, 7), BatchPart::whole(12), rng, cache, two);
    Q::observe(w, seen.slice(7, 5), chosen.slice(7, 5), {.first = 7, .samples = 12, .divisor = 12}, rng, cache, two);
    Q::update(none, whole, one, {});
    Q::update(none, parts, two, {});
    CHECK(one.rows[0] == 12);
    CHECK(support::hash_bits(whole) == support::hash_bits(parts));
}

TEST_CASE("Bsq: the diversity term pushes a bit that is set too often towards the other value") {
    using Q = BsqQuantizer<Shape<2>, 2, double>;
    Empty none;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    buffers.entropy.mean[0] = 0.9;
    buffers.entropy.mean[1] = 0.2;
    const BsqOptions options{.entropy = {.weight = 1, .diversity_gamma = 1, .inv_temperature = 1}};
    Q::pack(none, buffers, options, w);
    Tensor<double, Shape<2>> z{1}, q{1}, dz{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[0] = 1;
    z.data()[1] = 1e-9;  // p is 1/2, where the entropy of the row has no gradient
    Q::forward(w, {.training = true}, std::as_const(z), token.view(), q.view(), cache);
    static_cast<void>(
        Q::regularize(w, std::as_const(z), std::as_const(token), std::as_const(q), dz.view(), cache, none, 1));
    // ln(P / (1 - P)) p (1 - p) slope, with the slope 4 / sqrt(2): a step of descent makes z larger
    CHECK(dz.data()[1] == doctest::Approx(std::log(0.25) / std::sqrt(2.0)).epsilon(1e-6));
    CHECK(std::abs(dz.data()[0]) < 1e-8);  // along the row: the projection removes it
}

TEST_CASE("Bsq: the gradient passes the projection, so it is orthogonal to z and shrinks with |z|") {
    using Q = BsqQuantizer<Shape<5>, 5, double>;
    Q::Packed w;
    Q::Cache cache;
    Empty none;
    const std::size_t n = 20;
    Tensor<double, Shape<5>> z{n}, q{n}, dq{n}, dz{n};
    Tensor<Token, Shape<1>> tokens{n};
    Rng rng{3};
    for (double& v : z.span()) v = rng.normal();
    for (double& v : dq.span()) v = rng.normal();
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
    Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                none);
    support::Mismatch wrong;
    for (std::size_t m = 0; m < n; ++m) {
        // differences of sum(dq z / |z|) / sqrt(bits)
        const auto loss = [&] {
            double square = 0, dot = 0;
            for (std::size_t i = 0; i < 5; ++i) {
                square += z[m][i] * z[m][i];
                dot += z[m][i] * dq[m][i];
            }
            return dot / std::sqrt(square) / std::sqrt(5.0);
        };
        double along = 0;
        for (std::size_t i = 0; i < 5; ++i) {
            const double at = z[m][i], step = 1e-6;
            z[m][i] = at + step;
            const double above = loss();
            z[m][i] = at - step;
            const double slope = (above - loss()) / (2 * step);
            z[m][i] = at;
            wrong.require(std::abs(slope - dz[m][i]) < 1e-7, "row ", m, ", dz[", i, "]: expected ", slope, ", got ",
                          dz[m][i]);
            along += at * dz[m][i];
        }
        wrong.require(std::abs(along) < 1e-14, "row ", m, ": expected a gradient orthogonal to z, got ", along);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("Bsq: a row of zeros is token 0 with gradient 0, and rows of any finite size keep their direction") {
    using Q = BsqQuantizer<Shape<2>, 2, float>;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    Empty none;
    Rng rng{1};
    Q::init(none, buffers, rng);
    Q::pack(none, buffers, {}, w);
    const float rows[] = {0, 0, 3e38f, -3e38f, 2e-38f, 2e-38f, 3, 4};
    Tensor<float, Shape<2>> z{4}, q{4}, dq{4}, dz{4};
    Tensor<Token, Shape<1>> tokens{4};
    std::ranges::copy(rows, z.data());
    std::ranges::fill(dq.span(), 1.f);
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
    CHECK(std::vector<Token>(tokens.span().begin(), tokens.span().end()) == std::vector<Token>{0, 1, 3, 3});
    Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                none);
    static_cast<void>(
        Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 4));
    for (const float v : dz.span()) CHECK(std::isfinite(v));
    CHECK(dz.data()[0] == 0);
    CHECK(dz.data()[1] == 0);
    const auto u = std::as_const(cache.u);
    CHECK(u.data()[0] == 0);
    CHECK(u.data()[2] == doctest::Approx(std::sqrt(0.5)));
    CHECK(u.data()[4] == doctest::Approx(std::sqrt(0.5)));
    CHECK(u.data()[6] == doctest::Approx(0.6));
}

TEST_CASE("Bsq: a mean of 0 or 1 gives finite terms and gradients") {
    using Q = BsqQuantizer<Shape<2>, 2, float>;
    Empty none;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    buffers.entropy.mean[0] = 0;
    buffers.entropy.mean[1] = 1;
    Q::pack(none, buffers, {}, w);
    Tensor<float, Shape<2>> z{3}, q{3}, dz{3};
    Tensor<Token, Shape<1>> tokens{3};
    const float far[] = {1e30f, -1e30f, 0, 0, -1e-3f, 1e-3f};
    std::ranges::copy(far, z.data());
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
    const auto terms =
        Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 3);
    CHECK(std::isfinite(vq::sum_terms(terms)));
    CHECK(terms.entropy > 0);
    for (const float v : dz.span()) CHECK(std::isfinite(v));
}

TEST_CASE("Bsq: a number that is not finite is a NumericError that names it") {
    using Q = BsqQuantizer<Shape<5, 2>, 2, float>;
    const auto refused = [](float v) {
        Q::Packed w;
        Q::Cache cache;
        Tensor<float, Shape<5, 2>> z{2}, q{2};
        Tensor<Token, Shape<5>> tokens{2};
        z.data()[13] = v;
        return support::message<NumericError>(
            [&] { Q::forward(w, {.first = 5}, std::as_const(z), tokens.view(), q.view(), cache); });
    };
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(refused(1e38f) == "");
    CHECK(refused(std::numeric_limits<float>::quiet_NaN()) ==
          "Bsq: encoder output 63: expected a finite number, got nan");
    CHECK(refused(-infinity) == "Bsq: encoder output 63: expected a finite number, got -inf");
}

TEST_CASE("Bsq: options out of range are refused by name") {
    using Q = Vae::Quantizer;
    const auto refused = [](const BsqOptions& options) {
        return support::message<ArgumentError>([&] { check_options<Q>(options); });
    };
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    CHECK(refused({}) == "");
    CHECK(refused({.entropy = {.weight = 0, .diversity_gamma = 0, .decay = 0}}) == "");
    CHECK(refused({.commitment = nan}) == "Bsq: commitment: expected a finite number >= 0, got nan");
    CHECK(refused({.entropy = {.weight = -1}}) == "Bsq: entropy.weight: expected a finite number >= 0, got -1");
    CHECK(refused({.entropy = {.diversity_gamma = infinity}}) ==
          "Bsq: entropy.diversity_gamma: expected a finite number >= 0, got inf");
    CHECK(refused({.entropy = {.inv_temperature = 0}}) ==
          "Bsq: entropy.inv_temperature: expected a finite number > 0, got 0");
    CHECK(refused({.entropy = {.decay = 1}}) == "Bsq: entropy.decay: expected a number in [0, 1), got 1");
    CHECK(refused({.entropy = {.decay = std::numeric_limits<double>::quiet_NaN()}}) ==
          "Bsq: entropy.decay: expected a number in [0, 1), got nan");
}

TEST_CASE("Bsq: a VqVae trains with it, and reports the terms by name") {
    Rng rng{1};
    Vae vae{rng, {.entropy = {.inv_temperature = 5}}};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
    const auto x = support::batch_of<float>(support::bars(48, 1));
    const auto first = trainer.step(x);
    auto last = first;
    for (int i = 1; i < 100; ++i) last = trainer.step(x);
    CHECK(last.reconstruction < 0.7 * first.reconstruction);
    CHECK(last.used > 4);
    CHECK(last.terms.entropy > 0);
    CHECK(last.terms.diversity < 0);
    CHECK(last.quantizer == doctest::Approx(last.terms.entropy + last.terms.diversity));
    for (const float mean : vae.buffers().entropy.mean.span())
        CHECK((mean > 0 && mean < 1 && std::abs(mean - 0.5f) > 0));
    const auto images = support::bars(20, 3);
    const auto y = vae.decode(vae.encode(images)), again = vae.reconstruct(support::batch_of<float>(images));
    CHECK(std::ranges::equal(y.span(), again.span()));
}

TEST_CASE("Bsq: training has the same bits for any number of threads") {
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        const auto x = support::batch_of<float>(support::bars(70, 1));
        for (int i = 0; i < 4; ++i) trainer.step(x);
        return support::hash_state(vae);
    }));
}

TEST_CASE("Bsq: a file keeps the running mean, and resuming compares the options; without the mean it loads") {
    Rng rng{1};
    Vae vae{rng}, same{rng}, other{rng, {.entropy = {.decay = 0.5}}};
    Trainer trainer{vae, AdamW{vae}};
    for (int i = 0; i < 3; ++i) trainer.step(support::batch_of<float>(support::bars(20, 1)));
    CHECK(Vae::metadata() == NamedValues{{"codes", "16"}, {"tokens", "4"}, {"quantizer", "Bsq"}});
    CHECK(settings_of<Vae::Quantizer>({}) == std::vector<Setting>{{"commitment", "0"},
                                                                  {"entropy.weight", "0.1"},
                                                                  {"entropy.diversity_gamma", "1"},
                                                                  {"entropy.inv_temperature", "1"},
                                                                  {"entropy.decay", "0.9"}});
    io::SafetensorsFile file{io::collect(vae).bytes(), "state"};
    io::load(file, same);
    CHECK(support::hash_state(same) == support::hash_state(vae));
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, other); }),
                            "entropy.decay: expected 0.5, file has 0.9"));

    CHECK(Vae::optional_in_file("bsq.mean"));
    Vae::Buffers buffers = vae.buffers();
    Empty none;
    const std::vector<std::string> missing{"bsq.mean"};
    Vae::Quantizer::complete(none, buffers, missing);
    for (const float mean : buffers.entropy.mean.span()) CHECK(mean == 0.5f);
}

}  // namespace bsq_test
