#include <tessera/vq/gaussian_quant.hpp>

#include <doctest/doctest.h>
#include <golden/gaussian_quant.hpp>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;

namespace gaussian_quant_test {

namespace {

static_assert(vq::QuantizerSpec<GaussianQuant<64>, Shape<7, 7, 8>>);
static_assert(std::same_as<GaussianQuant<64>::Bind<Shape<7, 7, 8>, float>::Output, Shape<7, 7, 4>>);

// Two channels for each of the decoder's.
struct Encoder : nn::Chain<support::TinyImage, nn::Conv2d<6, nn::halve4>, nn::Relu, nn::Conv2d<8, nn::halve4>> {};
template <std::size_t K>
using Vae = VqVae<Encoder, GaussianQuant<K>, support::TinyDecoder<float>>;

/// With weights of the divergence that differ, and rates on both sides of the target.
template <class Q>
struct UnevenQuantizer : Q {
    static void init(Empty&, typename Q::Buffers& buffers, Rng&) {
        using T = typename Q::Scalar;
        buffers.lambda.fill(T(0.75));
        buffers.lambda_max.fill(T(3));
        buffers.lambda_min.fill(T(0.25));
    }
    struct Options : Q::Options {
        Options() { this->kl_weight = 0.5f; }
    };
};
template <std::size_t K>
struct Uneven {
    template <StaticShape In, std::floating_point T>
    using Bind = UnevenQuantizer<GaussianQuantizer<In, K, T>>;
};

struct Golden {
    std::span<const double> codebook, tokens, q, grad, kl, kl_grad, lambdas;
};

template <std::size_t K, std::size_t Width, class T>
void same_as_pytorch(const Golden& golden) {
    constexpr std::size_t rows = 12;
    using Q = UnevenQuantizer<GaussianQuantizer<Shape<2 * Width>, K, T>>;
    Empty none;
    typename Q::Buffers buffers;
    typename Q::Packed w;
    typename Q::Cache cache, own;
    typename Q::Statistics statistics;
    Rng rng{1};
    Q::init(none, buffers, rng);
    Q::pack(none, buffers, typename Q::Options{}, w);
    Tensor<T, Shape<2 * Width>> z{rows}, dz{rows}, kl_dz{rows};
    Tensor<T, Shape<Width>> q{rows}, dq{rows}, hard{rows};
    Tensor<Token, Shape<1>> tokens{rows}, evaluated{rows};
    for (std::size_t i = 0; i < z.span().size(); ++i)
        z.data()[i] = (static_cast<T>((i * 37) % 97) - 48) / 16 + T(1) / 32;
    for (std::size_t i = 0; i < dq.span().size(); ++i) dq.data()[i] = (static_cast<T>((i * 5 + 12) % 13) - 6) / 16;
    z.data()[Width] = -31;
    Q::forward(w, {}, std::as_const(z), evaluated.view(), hard.view(), own);
    Q::forward(w, {.training = true, .rng = Rng{11}.split(2), .first = 3}, std::as_const(z), tokens.view(), q.view(),
               cache);
    Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                none);
    const auto terms =
        Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), kl_dz.view(), cache, none, rows);
    Q::observe(w, std::as_const(z), std::as_const(tokens), BatchPart::whole(rows), rng, own, statistics);
    Q::update(none, buffers, statistics, {});

    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-10;
    support::Mismatch wrong;
    const auto compare = [&](const char* what, std::span<const double> expected, auto got) {
        double largest = 1e-3;
        for (const double x : expected) largest = std::max(largest, std::abs(x));
        for (std::size_t i = 0; i < expected.size(); ++i)
            wrong.require(std::abs(got(i) - expected[i]) <= tolerance * largest, what, " ", i, ": expected ",
                          expected[i], ", got ", got(i));
    };
    const auto numbers = [](const auto& x) { return [&](std::size_t i) { return static_cast<double>(x[i]); }; };
    REQUIRE(golden.codebook.size() == K * Width);
    compare("codebook", golden.codebook, numbers(w.codebook.vectors()));
    compare("token", golden.tokens, numbers(tokens.span()));
    compare("token in evaluation", golden.tokens, numbers(evaluated.span()));
    compare("q", golden.q, numbers(q.span()));
    compare("dz", golden.grad, numbers(dz.span()));
    compare("kl", golden.kl, [&](std::size_t) { return terms.kl / rows; });
    compare("dz of kl", golden.kl_grad, numbers(kl_dz.span()));
    const std::array lambdas{buffers.lambda[0], buffers.lambda_max[0], buffers.lambda_min[0]};
    compare("lambda", golden.lambdas, numbers(lambdas));
    CHECK(wrong.first() == "");
    for (std::size_t m = 0; m < rows; ++m)
        CHECK(std::equal(hard[m].begin(), hard[m].end(),
                         w.codebook.vectors().begin() + static_cast<std::ptrdiff_t>(evaluated.data()[m] * Width)));
}

}  // namespace

TEST_CASE("GaussianQuant: keeps the contract of quantizers, and its training pass has the gradients of its values") {
    CHECK(support::keeps_quantizer_contract<GaussianQuant<32>, Shape<3, 3, 4>>({.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<GaussianQuant<2>, Shape<5, 2>>({.batch = 3, .differentiable = true}));
    CHECK(support::keeps_quantizer_contract<GaussianQuant<300>, Shape<2, 10>>({.seed = 4, .differentiable = true}));
    CHECK(support::keeps_quantizer_contract<Uneven<4>, Shape<3, 3, 4>>({.differentiable = true}));
}

TEST_CASE_TEMPLATE(
    "GaussianQuant: codebook, tokens, values, gradients, divergence and its weights are those of PyTorch", T, float,
    double) {
    using namespace golden;
    same_as_pytorch<64, 2, T>({gaussian_quant_64_2_codebook, gaussian_quant_64_2_tokens, gaussian_quant_64_2_q,
                               gaussian_quant_64_2_grad, gaussian_quant_64_2_kl, gaussian_quant_64_2_kl_grad,
                               gaussian_quant_64_2_lambdas});
    same_as_pytorch<100, 5, T>({gaussian_quant_100_5_codebook, gaussian_quant_100_5_tokens, gaussian_quant_100_5_q,
                                gaussian_quant_100_5_grad, gaussian_quant_100_5_kl, gaussian_quant_100_5_kl_grad,
                                gaussian_quant_100_5_lambdas});
    same_as_pytorch<16, 1, T>({gaussian_quant_16_1_codebook, gaussian_quant_16_1_tokens, gaussian_quant_16_1_q,
                               gaussian_quant_16_1_grad, gaussian_quant_16_1_kl, gaussian_quant_16_1_kl_grad,
                               gaussian_quant_16_1_lambdas});
}

TEST_CASE("GaussianQuant: the token is the largest density ratio, not the vector nearest to the mean") {
    using Q = GaussianQuantizer<Shape<2>, 256, double>;
    Q::Packed w;
    Q::Cache cache;
    w.codebook.draw();
    // With sigma 0.9 the ratio is largest at mu / (1 - sigma^2), far from mu.
    Tensor<double, Shape<2>> z{1};
    Tensor<double, Shape<1>> q{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[0] = 0.2;
    z.data()[1] = 2 * std::log(0.9);
    Q::forward(w, {}, std::as_const(z), token.view(), q.view(), cache);
    double nearest = 10;
    for (const double c : w.codebook.vectors())
        if (std::abs(c - 0.2 / 0.19) < std::abs(nearest - 0.2 / 0.19)) nearest = c;
    CHECK(q.data()[0] == nearest);
    CHECK(q.data()[0] > 0.9);
}

TEST_CASE("GaussianQuant: a logarithm of the variance beyond its range is clamped and has no gradient") {
    using Q = GaussianQuantizer<Shape<4>, 8, float>;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    Empty none;
    Rng rng{1};
    Q::init(none, buffers, rng);
    Q::pack(none, buffers, {}, w);
    Tensor<float, Shape<4>> z{1}, dz{1};
    Tensor<float, Shape<2>> q{1}, dq{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[2] = -80;
    z.data()[3] = 60;
    std::ranges::fill(dq.span(), 1.f);
    Q::forward(w, {.training = true}, std::as_const(z), token.view(), q.view(), cache);
    CHECK(cache.sigma.data()[0] == doctest::Approx(std::exp(-15.0)));
    CHECK(cache.sigma.data()[1] == doctest::Approx(std::exp(10.0)));
    Q::backward(w, std::as_const(z), std::as_const(token), std::as_const(q), std::as_const(dq), dz.view(), cache, none);
    static_cast<void>(
        Q::regularize(w, std::as_const(z), std::as_const(token), std::as_const(q), dz.view(), cache, none, 1));
    CHECK(dz.data()[0] == 1);
    CHECK(dz.data()[2] == 0);
    CHECK(dz.data()[3] == 0);
}

TEST_CASE("GaussianQuant: lambda, lambda_max and lambda_min follow the rates, within their ranges") {
    using Q = GaussianQuantizer<Shape<2>, 16, float>;
    Empty none;
    Q::Buffers b;
    Rng rng{1};
    Q::init(none, b, rng);
    const GaussianQuantOptions options{.factor = 2};
    const auto see = [&](double rows, double bits, double above, double below) {
        Q::Statistics s;
        s.rows[0] = rows;
        s.bits[0] = bits;
        s.above[0] = above;
        s.below[0] = below;
        Q::update(none, b, s, options);
        return std::vector<float>{b.lambda[0], b.lambda_max[0], b.lambda_min[0]};
    };
    CHECK(see(2, 8.1, 0, 0) == std::vector<float>{2, 1, 1});  // 4 bits are the target
    CHECK(see(2, 7.9, 1, 1) == std::vector<float>{1, 2, 0.5f});
    CHECK(see(2, 7.9, 0, 1) == std::vector<float>{0.5f, 1, 0.25f});
    CHECK(see(2, 8.1, 1, 0) == std::vector<float>{1, 2, 0.5f});
    CHECK(see(0, 0, 0, 0) == std::vector<float>{1, 2, 0.5f});
    for (int i = 0; i < 20; ++i) see(1, 5, 1, 1);
    CHECK(see(1, 5, 1, 1) == std::vector<float>{1000, 1000, 1e-3f});
    for (int i = 0; i < 40; ++i) see(1, 0, 0, 0);
    CHECK(see(1, 0, 0, 0) == std::vector<float>{1e-3f, 1, 1});  // not 0, from where no factor leads away
}

TEST_CASE("GaussianQuant: training brings the rate of the rows to log2 K, and evaluation then uses many vectors") {
    Rng rng{1};
    Vae<64> vae{rng, {.kl_weight = 1e-2f, .factor = 1.02}};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
    const auto images = support::bars(64, 1);
    const auto x = support::batch_of<float>(images);
    const auto first = trainer.step(x);
    auto last = first;
    for (int i = 1; i < 400; ++i) last = trainer.step(x);
    CHECK(last.reconstruction < first.reconstruction / 2);

    // the mean rate, from the statistics of one batch
    using Q = Vae<64>::Quantizer;
    const auto frozen = vae.freeze();
    Tensor<float, Shape<2, 2, 8>> z{64};
    Tensor<float, Shape<2, 2, 4>> q{64};
    Tensor<Token, Shape<4>> tokens{64};
    Vae<64>::Frozen::Workspace ws;
    frozen.encode_vectors(std::as_const(x).view(), z.view(), ws);
    Q::Cache cache;
    Q::Statistics s;
    Q::forward(frozen.quantizer(), {}, std::as_const(z), tokens.view(), q.view(), cache);
    Q::observe(frozen.quantizer(), std::as_const(z), std::as_const(tokens), BatchPart::whole(64), rng, cache, s);
    CHECK(s.bits[0] / s.rows[0] == doctest::Approx(6).epsilon(0.1));
    const auto report = vae.evaluate(images);
    CHECK(report.usage > 0.3);  // of 64; there are 14 different bars
    CHECK(report.mse < first.reconstruction);
}

TEST_CASE("GaussianQuant: a file has no codebook; a model is loaded with another K where the host says so") {
    Rng rng{1};
    Vae<64> vae{rng};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}};
    const auto images = support::bars(64, 1);
    for (int i = 0; i < 50; ++i) trainer.step(support::batch_of<float>(images));
    const auto bytes = io::collect(vae).bytes();
    io::SafetensorsFile file{bytes, "state"};
    std::size_t numbers = 0;
    Vae<64>::Buffers::each([&](const ParamPath&, const auto& leaf) { numbers += leaf.span().size(); }, vae.buffers());
    CHECK(numbers == 3);
    CHECK(parameter_count(vae.params().quantizer) == 0);
    CHECK(Vae<64>::metadata() == NamedValues{{"tokens", "4"},
                                             {"quantizer", "GaussianQuant"},
                                             {"gaussian_quant.codebook", "normal, Philox4x32-10, seed 251206609"}});

    Vae<64> same{rng};
    io::load(file, same);
    CHECK(support::hash_state(same) == support::hash_state(vae));
    Vae<1024> larger{rng};
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, larger); }),
                            "codes: expected 1024, file has 64; LoadOptions{.accept = {\"codes\"}} keeps 1024"));
    const io::LoadReport report = io::load(file, {.accept = {"codes"}}, larger);
    CHECK(report.accepted.size() == 1);
    CHECK(support::hash_state(larger) == support::hash_state(vae));

    // The vectors of the smaller K are the first of the larger: the same tokens are the same images, and the larger
    // vocabulary is at least as likely for every row.
    const auto tokens = vae.encode(images);
    const auto y = vae.decode(tokens), again = larger.decode(tokens);
    CHECK(support::equal_values(y.span(), again.span()));
    const auto more = larger.encode(images);
    CHECK(std::ranges::any_of(more.view().span(), [](Token t) { return t >= 64; }));
    for (std::size_t i = 0; i < tokens.view().span().size(); ++i)
        if (more.view().span()[i] < 64) CHECK(more.view().span()[i] == tokens.view().span()[i]);
}

TEST_CASE("GaussianQuant: options are settings, which a resumed run compares") {
    using Q = Vae<64>::Quantizer;
    CHECK(settings_of<Q>({}) ==
          std::vector<Setting>{{"codes", "64"}, {"kl_weight", "0.001"}, {"tolerance", "0.5"}, {"factor", "1.01"}});
    Rng rng{1};
    const Vae<64> vae{rng};
    Vae<64> other{rng, {.factor = 1.05}};
    io::SafetensorsFile file{io::collect(vae).bytes(), "state"};
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, other); }),
                            "factor: expected 1.05, file has 1.01"));
    CHECK(Vae<64>::optional_in_file("gaussian_quant.lambda"));
    Vae<64>::Buffers buffers;
    Empty none;
    buffers.lambda_max[0] = 7;
    const std::vector<std::string> missing{"gaussian_quant.lambda", "gaussian_quant.lambda_min"};
    Q::fill_missing(none, buffers, missing);
    CHECK((buffers.lambda[0] == 1 && buffers.lambda_max[0] == 7 && buffers.lambda_min[0] == 1));
}

TEST_CASE("GaussianQuant: training has the same bits for any number of threads") {
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        Vae<64> vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        const auto x = support::batch_of<float>(support::bars(70, 1));
        for (int i = 0; i < 4; ++i) trainer.step(x);
        return support::hash_state(vae);
    }));
}

TEST_CASE("GaussianQuant: a number that is not finite, or too large, is a NumericError; encode_rows gives no_token") {
    using Q = GaussianQuantizer<Shape<3, 4>, 8, float>;
    Q::Packed w;
    Q::Cache cache;
    w.codebook.draw();
    const auto refused = [&](std::size_t at, float v) {
        Tensor<float, Shape<3, 4>> z{2};
        Tensor<float, Shape<3, 2>> q{2};
        Tensor<Token, Shape<3>> tokens{2};
        z.data()[at] = v;
        const auto message = support::message<NumericError>(
            [&] { Q::forward(w, {.first = 5}, std::as_const(z), tokens.view(), q.view(), cache); });
        std::ranges::fill(tokens.span(), Token{0});
        Q::encode_rows(w, std::as_const(z), tokens.view(), 0, 6);
        for (std::size_t m = 0; m < 6; ++m) CHECK((tokens.data()[m] == no_token) == (!message.empty() && m == at / 4));
        return message;
    };
    const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(refused(13, 1e10f) == "");
    CHECK(refused(13, nan) == "VqVae: encoder output 73: expected a finite number, got nan");
    CHECK(refused(15, infinity) == "VqVae: encoder output 75: expected a finite number, got inf");
    CHECK(refused(14, nan) == "VqVae: encoder output 74: expected a finite number, got nan");
    CHECK(refused(13, 3e38f) ==
          "VqVae: vector 18: no codebook vector is nearest: expected numbers whose squares are finite");
}

TEST_CASE("GaussianQuant: options out of range are refused by name") {
    const auto refused = [](const GaussianQuantOptions& options) {
        return support::message<ArgumentError>([&] { check_options<Vae<64>::Quantizer>(options); });
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(refused({}) == "");
    CHECK(refused({.kl_weight = 0, .tolerance = 0, .factor = 1}) == "");
    CHECK(refused({.kl_weight = -1}) == "GaussianQuant: kl_weight: expected a finite number >= 0, got -1");
    CHECK(refused({.tolerance = nan}) == "GaussianQuant: tolerance: expected a finite number >= 0, got nan");
    CHECK(refused({.factor = 0.5}) == "GaussianQuant: factor: expected a number in [1, 2], got 0.5");
}

}  // namespace gaussian_quant_test
