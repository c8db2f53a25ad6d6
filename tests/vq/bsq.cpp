#include <tessera/vq/bsq.hpp>

#include <doctest/doctest.h>
#include <golden/lfq.hpp>
#include <support/binary_quantizer.hpp>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

using namespace tessera;

namespace bsq_test {

namespace {

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
    Q::Packed w;
    Q::Cache cache;
    Empty none;
    Q::pack(none, none, {}, w);
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

TEST_CASE("Bsq: the diversity term moves across the row, never along it") {
    using Q = BsqQuantizer<Shape<2>, 2, double>;
    Empty none;
    Q::Packed w;
    Q::Cache cache;
    const BsqOptions options{.entropy = {.weight = 1, .diversity_gamma = 1, .inv_temperature = 1}};
    Q::pack(none, none, options, w);
    Tensor<double, Shape<2>> z{2}, q{2}, dz{2};
    Tensor<Token, Shape<1>> tokens{2};
    const double rows[] = {1, 0, 0, -1};  // of row 0, bit 1 has p = 1/2, where its entropy has no gradient
    std::ranges::copy(rows, z.data());
    Q::pack_batch(std::as_const(z), w, cache);
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
    std::ignore =
        Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 1);
    // ln(P / (1 - P)) p (1 - p) slope, with the slope 4 / sqrt(2): a step of descent makes z larger
    const double mean = (0.5 + 1 / (1 + std::exp(4 / std::sqrt(2.0)))) / 2;
    CHECK(dz.data()[1] == doctest::Approx(std::log(mean / (1 - mean)) / std::sqrt(2.0)));
    CHECK(std::abs(dz.data()[0]) < 1e-12);  // along the row: the projection removes it
}

}  // namespace bsq_test
