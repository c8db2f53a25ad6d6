#include <tessera/vq/lfq.hpp>

#include <doctest/doctest.h>
#include <golden/lfq.hpp>
#include <support/binary_quantizer.hpp>
#include <support/contract.hpp>
#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

using namespace tessera;

namespace lfq_test {

namespace {

static_assert(vq::QuantizerSpec<Lfq<8>, Shape<7, 7, 8>>);

}  // namespace

TEST_CASE("Lfq: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Lfq<4>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Lfq<1>, Shape<5, 1>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<Lfq<18>, Shape<2, 18>>());
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

TEST_CASE("Lfq: the diversity term pushes a bit that is set too often towards the other value") {
    using Q = LfqQuantizer<Shape<2>, 2, double>;
    Empty none;
    Q::Packed w;
    Q::Cache cache;
    const LfqOptions options{.commitment = 0, .entropy = {.weight = 1, .diversity_gamma = 1, .inv_temperature = 1}};
    Q::pack(none, none, options, w);
    Tensor<double, Shape<2>> z{5}, q{5}, dz{5};
    Tensor<Token, Shape<1>> tokens{5};
    // the first row has p = 1/2, where its entropy has no gradient
    const double rows[] = {0, 0, 1, -1, 1, -1, 1, -1, 1, -1};
    std::ranges::copy(rows, z.data());
    Q::pack_batch(std::as_const(z), w, cache);
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
    std::ignore =
        Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 1);
    const double mean = (0.5 + 4 / (1 + std::exp(-4.0))) / 5;
    CHECK(dz.data()[0] == doctest::Approx(std::log(mean / (1 - mean))));  // a step of descent makes z smaller
    CHECK(dz.data()[1] == doctest::Approx(-dz.data()[0]));
}

}  // namespace lfq_test
