#include <tessera/vq/policy/gradient.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace gradient_test {

using Spec = Codebook<codes, vq::Gradient>;
template <class T>
using Vae = VqVae<support::TinyEncoder<T>, Codebook<8, vq::Gradient>, support::TinyDecoder<T>>;

TEST_CASE("Gradient: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Gradient>, Shape<3, 3, 4>>());
}

TEST_CASE_TEMPLATE("Gradient: terms and their gradients are PyTorch's; the estimator goes straight through", T, float,
                   double) {
    PolicyCase<Spec, T> c{{.commitment = 0.25f}};
    c.forward();
    c.backward();
    CHECK(differs<T>(twin::straight_through_dz, c.dz.span()) == "");
    for (const T g : c.grad.weight.span()) REQUIRE(g == 0);
    const auto terms = c.regularize();
    CHECK((terms.codebook + terms.commitment) / rows ==
          doctest::Approx(twin::terms[0]).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
    CHECK(terms.commitment == doctest::Approx(0.25 * terms.codebook).epsilon(1e-6));
    CHECK(differs<T>(twin::terms_dz, c.dz.span()) == "");
    CHECK(differs<T>(twin::terms_de, c.grad.weight.span()) == "");
}

TEST_CASE("Gradient: without a value the commitment is 0.02, and it is among the settings; moving averages keep 0.25") {
    PolicyCase<Spec, double> c;
    c.forward();
    const auto terms = c.regularize();
    CHECK(terms.commitment == doctest::Approx(static_cast<double>(0.02f) * terms.codebook).epsilon(1e-12));
    using Q = PolicyCase<Spec, double>::Q;
    using Averaged = PolicyCase<Codebook<codes>, double>::Q;
    CHECK(settings_of<Q>({}).front() == Setting{"commitment", "0.02"});
    CHECK(settings_of<Q>({.commitment = 0.5f}).front() == Setting{"commitment", "0.5"});
    CHECK(settings_of<Averaged>({}).front() == Setting{"commitment", "0.25"});
}

TEST_CASE("Gradient: the codebook term is in the loss of a VqVae, and its vectors learn") {
    Rng rng{1};
    Vae<float> vae{rng};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2, .weight_decay = 0}}};
    const auto x = support::batch_of<float>(support::bars(48, 1));
    const auto first = trainer.step(x);
    CHECK(first.terms.codebook > 0);
    CHECK(first.loss ==
          doctest::Approx(first.reconstruction + first.terms.codebook + first.terms.commitment).epsilon(1e-9));
    const auto before = vae.params().quantizer.weight;
    double last = 0;
    for (int i = 0; i < 60; ++i) last = trainer.step(x).reconstruction;
    CHECK(last < 0.6 * first.reconstruction);  // not the loss: the codebook term grows with z
    CHECK(!std::ranges::equal(before.span(), vae.params().quantizer.weight.span()));
}

TEST_CASE("Gradient: a dead vector moves onto a row of the batch, one that is chosen stays") {
    PolicyCase<Spec, float> c{{.ema = {.decay = 0}, .revive = {.below = 0.1, .grace = 3}}};
    c.forward();
    std::ranges::fill(c.tokens.span(), Token{2});
    PolicyCase<Spec, float>::Q::Statistics statistics;
    using Q = PolicyCase<Spec, float>::Q;
    Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache, statistics);
    const auto before = c.params.weight;
    Q::update(c.params, c.buffers, statistics, c.options);
    for (std::size_t k = 0; k < codes; ++k) {
        const float* const e = c.params.weight.data() + k * width;
        if (k == 2) {
            CHECK(support::equal_values(std::span{before.data() + k * width, width}, std::span{e, width}));
            CHECK(c.buffers.grace[k] == 0);
            continue;
        }
        std::size_t equal = 0;
        for (std::size_t m = 0; m < rows; ++m) equal += std::equal(e, e + width, c.z.data() + m * width) ? 1 : 0;
        CHECK(equal == 1);
        CHECK(c.buffers.grace[k] == 3);
    }
}

TEST_CASE("Gradient: an update without any row changes nothing, as with moving averages") {
    using Q = PolicyCase<Spec, float>::Q;
    PolicyCase<Spec, float> c;
    c.buffers.grace.fill(3);
    Q::update(c.params, c.buffers, Q::Statistics{}, c.options);
    CHECK(std::ranges::all_of(c.buffers.count.span(), [](float n) { return n == 1; }));
    CHECK(std::ranges::all_of(c.buffers.grace.span(), [](float n) { return n == 3; }));
    using E = PolicyCase<Codebook<codes>, float>::Q;
    PolicyCase<Codebook<codes>, float> e;
    e.buffers.book.grace.fill(3);
    E::update(e.params, e.buffers, E::Statistics{}, e.options);
    CHECK(std::ranges::all_of(e.buffers.book.count.span(), [](float n) { return n == 1; }));
    CHECK(std::ranges::all_of(e.buffers.book.grace.span(), [](float n) { return n == 3; }));
}

TEST_CASE("Gradient: is initialised by k-means, and only where it is on") {
    using Q = PolicyCase<Spec, float>::Q;
    for (const bool on : {true, false}) {
        PolicyCase<Spec, float> c{{.kmeans = on}};
        const auto before = c.params.weight;
        CodebookState<codes, width, float> expected;
        kmeans(expected, std::as_const(c.z).span(), Rng{4});
        Q::initialize_from_data(c.params, c.buffers, std::as_const(c.z), c.options, Rng{4});
        CHECK(support::equal_values((on ? expected.weight : before).span(), c.params.weight.span()));
    }
}

TEST_CASE("Gradient: a file may leave out what lookup does not need") {
    using Q = PolicyCase<Spec, float>::Q;
    CHECK(Q::optional_in_file("codebook.count"));
    CHECK(Q::optional_in_file("codebook.grace"));
    CHECK(!Q::optional_in_file("codebook.weight"));
    PolicyCase<Spec, float> c;
    c.buffers.count.fill(5);
    c.buffers.grace.fill(5);
    const std::vector<std::string> missing{"codebook.count", "codebook.grace"};
    Q::fill_missing(c.params, c.buffers, missing);
    CHECK(std::ranges::all_of(c.buffers.count.span(), [](float n) { return n == 1; }));
    CHECK(std::ranges::all_of(c.buffers.grace.span(), [](float n) { return n == 0; }));
}

TEST_CASE("Gradient: settings and refused options") {
    using Q = PolicyCase<Spec, float>::Q;
    std::vector<std::string> names;
    for (const Setting& s : settings_of<Q>({})) names.push_back(s.key);
    CHECK(names == std::vector<std::string>{"commitment", "ema.decay", "revive.below", "revive.grace",
                                            "revive.least_recently_used", "revive.rate", "kmeans", "codebook"});
    const auto refused = [](CodebookOptions o) {
        return support::message<ArgumentError>([&] { check_options<Q>(o); });
    };
    CHECK(refused({.codebook = -1}) == "Codebook: codebook: expected a finite number >= 0, got -1");
    CHECK(refused({.ema = {.eps = 1}}) ==
          "Codebook: ema.eps: expected the default, because no policy of this codebook reads it, got 1");
    CHECK(refused({.freeze = true}) ==
          "Codebook: freeze: expected false, because these vectors have no moving averages, got true");
}

}  // namespace gradient_test
