#include <tessera/vq/lfq.hpp>

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

namespace lfq_test {

namespace {

using Vae = VqVae<support::TinyEncoder<float>, Lfq<4>, support::TinyDecoder<float>>;
static_assert(vq::QuantizerSpec<Lfq<8>, Shape<7, 7, 8>>);

}  // namespace

TEST_CASE("Lfq: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Lfq<4>, Shape<3, 3, 4>>({.step = 1e-6}));
    CHECK(support::keeps_quantizer_contract<Lfq<1>, Shape<5, 1>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<Lfq<18>, Shape<2, 18>>({.step = 1e-6}));
}

TEST_CASE("Lfq: the terms have the gradients of their values, with logits of every size") {
    CHECK(support::keeps_quantizer_contract<support::Gentle<Lfq<4>>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<support::Gentle<Lfq<9>>, Shape<4, 9>>({.seed = 5}));
}

TEST_CASE_TEMPLATE("Lfq: tokens, values, gradients and terms are those of PyTorch with a table of all codes", T, float,
                   double) {
    using namespace golden;
    support::same_as_pytorch<Lfq<4>, T, 4>(
        0.5f, T(1), {lfq_4_q, lfq_4_tokens, lfq_4_grad, lfq_4_mean, lfq_4_terms, lfq_4_terms_grad});
    support::same_as_pytorch<Lfq<4>, T, 4>(100, T(64),
                                           {lfq_4_sharp_q, lfq_4_sharp_tokens, lfq_4_sharp_grad, lfq_4_sharp_mean,
                                            lfq_4_sharp_terms, lfq_4_sharp_terms_grad});
    support::same_as_pytorch<Lfq<1>, T, 1>(
        0.5f, T(1), {lfq_1_q, lfq_1_tokens, lfq_1_grad, lfq_1_mean, lfq_1_terms, lfq_1_terms_grad});
    support::same_as_pytorch<Lfq<10>, T, 10>(
        0.25f, T(1), {lfq_10_q, lfq_10_tokens, lfq_10_grad, lfq_10_mean, lfq_10_terms, lfq_10_terms_grad});
}

TEST_CASE("Lfq: every token has distinct values of -1 and 1, and is found again from them") {
    using Q = LfqQuantizer<Shape<6>, 6, float>;
    static_assert(Q::codes == 64);
    Q::Packed w;
    Q::Cache cache;
    Tensor<Token, Shape<1>> tokens{64}, again{64};
    for (std::size_t k = 0; k < 64; ++k) tokens.data()[k] = static_cast<Token>(k);
    Tensor<float, Shape<6>> q{64}, q_again{64};
    Q::lookup(w, std::as_const(tokens), q.view(), cache);
    support::Mismatch wrong;
    for (std::size_t k = 0; k < 64; ++k)
        for (std::size_t i = 0; i < 6; ++i) wrong.compare((k >> i & 1) != 0 ? 1.f : -1.f, q[k][i], "token ", k);
    Q::forward(w, {}, std::as_const(q), again.view(), q_again.view(), cache);
    wrong.compare(tokens.span(), again.span(), "tokens");
    wrong.compare(q.span(), q_again.span(), "q");
    CHECK(wrong.first() == "");
}

TEST_CASE("Lfq: a channel of 0 is -1, not the 0 of sign(0), which has no token") {
    using Q = LfqQuantizer<Shape<3>, 3, float>;
    Q::Packed w;
    Q::Cache cache;
    Tensor<float, Shape<3>> z{1}, q{1}, again{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[1] = -0.f;
    z.data()[2] = 1e-30f;
    Q::forward(w, {}, std::as_const(z), token.view(), q.view(), cache);
    CHECK(token.data()[0] == 4);
    CHECK(std::vector<float>(q.span().begin(), q.span().end()) == std::vector<float>{-1, -1, 1});
    Q::lookup(w, std::as_const(token), again.view(), cache);
    CHECK(std::ranges::equal(q.span(), again.span()));
}

TEST_CASE("Lfq: a vocabulary of 2^31 needs no table: state and weights have one number per bit") {
    using Q = LfqQuantizer<Shape<31>, 31, float>;
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

TEST_CASE("Lfq: the mean of the bits is that of all processes and accumulated batches, not of each alone") {
    using Q = support::GentleQuantizer<LfqQuantizer<Shape<4>, 4, float>>;
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

TEST_CASE("Lfq: the diversity term pushes a bit that is set too often towards the other value") {
    using Q = LfqQuantizer<Shape<2>, 2, double>;
    Empty none;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    buffers.entropy.mean[0] = 0.9;
    buffers.entropy.mean[1] = 0.2;
    const LfqOptions options{.entropy = {.weight = 1, .diversity_gamma = 1, .inv_temperature = 1}};
    Q::pack(none, buffers, options, w);
    Tensor<double, Shape<2>> z{1}, q{1}, dz{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[0] = z.data()[1] = 1e-9;  // p is 1/2, where the entropy of the row has no gradient
    Q::forward(w, {.training = true}, std::as_const(z), token.view(), q.view(), cache);
    static_cast<void>(
        Q::regularize(w, std::as_const(z), std::as_const(token), std::as_const(q), dz.view(), cache, none, 1));
    CHECK(dz.data()[0] > 0.5);   // a step of descent makes z smaller
    CHECK(dz.data()[1] < -0.5);  // and larger
}

TEST_CASE("Lfq: a mean of 0 or 1 gives finite terms and gradients") {
    using Q = LfqQuantizer<Shape<2>, 2, float>;
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
    CHECK(terms.entropy == doctest::Approx(0.1 * (2 * std::log(2.0) + 2 * 0.6744)).epsilon(1e-3));
    for (const float v : dz.span()) CHECK(std::isfinite(v));
}

TEST_CASE("Lfq: a number that is not finite is a NumericError that names it") {
    using Q = LfqQuantizer<Shape<5, 2>, 2, float>;
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
          "Lfq: encoder output 63: expected a finite number, got nan");
    CHECK(refused(-infinity) == "Lfq: encoder output 63: expected a finite number, got -inf");
}

TEST_CASE("Lfq: options out of range are refused by name") {
    using Q = Vae::Quantizer;
    const auto refused = [](const LfqOptions& options) {
        return support::message<ArgumentError>([&] { check_options<Q>(options); });
    };
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    CHECK(refused({}) == "");
    CHECK(refused({.entropy = {.weight = 0, .diversity_gamma = 0, .decay = 0}}) == "");
    CHECK(refused({.commitment = nan}) == "Lfq: commitment: expected a finite number >= 0, got nan");
    CHECK(refused({.entropy = {.weight = -1}}) == "Lfq: entropy.weight: expected a finite number >= 0, got -1");
    CHECK(refused({.entropy = {.diversity_gamma = infinity}}) ==
          "Lfq: entropy.diversity_gamma: expected a finite number >= 0, got inf");
    CHECK(refused({.entropy = {.inv_temperature = 0}}) ==
          "Lfq: entropy.inv_temperature: expected a finite number > 0, got 0");
    CHECK(refused({.entropy = {.decay = 1}}) == "Lfq: entropy.decay: expected a number in [0, 1), got 1");
    CHECK(refused({.entropy = {.decay = std::numeric_limits<double>::quiet_NaN()}}) ==
          "Lfq: entropy.decay: expected a number in [0, 1), got nan");
}

TEST_CASE("Lfq: a VqVae trains with it, and reports the terms by name") {
    Rng rng{1};
    Vae vae{rng, {.entropy = {.inv_temperature = 1}}};
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

TEST_CASE("Lfq: training has the same bits for any number of threads") {
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        const auto x = support::batch_of<float>(support::bars(70, 1));
        for (int i = 0; i < 4; ++i) trainer.step(x);
        return support::hash_state(vae);
    }));
}

TEST_CASE("Lfq: a file keeps the running mean, and resuming compares the options; without the mean it loads") {
    Rng rng{1};
    Vae vae{rng}, same{rng}, other{rng, {.entropy = {.decay = 0.5}}};
    Trainer trainer{vae, AdamW{vae}};
    for (int i = 0; i < 3; ++i) trainer.step(support::batch_of<float>(support::bars(20, 1)));
    CHECK(Vae::metadata() == NamedValues{{"codes", "16"}, {"tokens", "4"}, {"quantizer", "Lfq"}});
    CHECK(settings_of<Vae::Quantizer>({}) == std::vector<Setting>{{"commitment", "0"},
                                                                  {"entropy.weight", "0.1"},
                                                                  {"entropy.diversity_gamma", "1"},
                                                                  {"entropy.inv_temperature", "100"},
                                                                  {"entropy.decay", "0.9"}});
    io::SafetensorsFile file{io::collect(vae).bytes(), "state"};
    io::load(file, same);
    CHECK(support::hash_state(same) == support::hash_state(vae));
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, other); }),
                            "entropy.decay: expected 0.5, file has 0.9"));

    CHECK(Vae::optional_in_file("lfq.mean"));
    Vae::Buffers buffers = vae.buffers();
    Empty none;
    const std::vector<std::string> missing{"lfq.mean"};
    Vae::Quantizer::complete(none, buffers, missing);
    for (const float mean : buffers.entropy.mean.span()) CHECK(mean == 0.5f);
}

TEST_CASE("Lfq: the terms of the largest numbers are finite") {
    using Q = Lfq<2>::Bind<Shape<2>, float>;
    Q::Params none;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    Rng rng{1};
    Q::init(none, buffers, rng);
    Q::pack(none, buffers, {}, w);
    Tensor<float, Shape<2>> z{1}, q{1}, dz{1};
    z.data()[0] = std::numeric_limits<float>::max();
    z.data()[1] = -1e36f;
    Tensor<Token, Shape<1>> tokens{1};
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
    const auto terms =
        Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 1.0);
    CHECK(std::isfinite(terms.entropy));
    CHECK(std::isfinite(terms.diversity));
    for (const float d : dz.span()) CHECK(std::isfinite(d));
}

}  // namespace lfq_test
