#include <tessera/vq/policy/diversity.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace diversity_test {

using Spec = Codebook<codes, vq::Diversity>;

TEST_CASE("Diversity: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Diversity>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<21, vq::Diversity>, Shape<5, 3>>({.batch = 7}));
}

TEST_CASE_TEMPLATE("Diversity: with P of the batch, value and gradient are PyTorch's of minus the entropy of the mean",
                   T, float, double) {
    PolicyCase<Spec, T> c{{.commitment = 0, .diversity = {.weight = 1, .temperature = 0.5}}};
    for (std::size_t k = 0; k < codes; ++k) c.buffers.diversity.mean[k] = static_cast<T>(twin::diversity_mean[k]);
    c.pack();
    c.forward();
    const auto terms = c.regularize();
    CHECK(terms.diversity / rows == doctest::Approx(twin::diversity[0]).epsilon(sizeof(T) == 4 ? 1e-5 : 1e-10));
    CHECK(differs<T>(twin::diversity_dz, c.dz.span(), sizeof(T) == 4 ? 2e-6 : 1e-10) == "");
}

TEST_CASE("Diversity: P is a moving average of the mean soft assignment") {
    using Q = PolicyCase<Spec, double>::Q;
    PolicyCase<Spec, double> c{{.diversity = {.temperature = 0.5, .decay = 0.75}}};
    c.forward();
    Q::Statistics statistics;
    Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache, statistics);
    Q::update(c.params, c.buffers, statistics, c.options);
    for (std::size_t k = 0; k < codes; ++k)
        CHECK(c.buffers.diversity.mean[k] ==
              doctest::Approx(0.75 / codes + 0.25 * twin::diversity_mean[k]).epsilon(1e-9));
    Q::Statistics none;
    const auto before = c.buffers.diversity.mean;
    Q::update(c.params, c.buffers, none, c.options);
    CHECK(support::equal_values(before.span(), c.buffers.diversity.mean.span()));
}

TEST_CASE("Diversity: rows without a token count nowhere") {
    using Q = PolicyCase<Spec, float>::Q;
    PolicyCase<Spec, float> c;
    c.forward();
    std::ranges::fill(c.tokens.span(), no_token);
    Q::Statistics statistics;
    Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache, statistics);
    CHECK(statistics.diversity.rows[0] == 0);
    CHECK(c.regularize().diversity == 0);
    CHECK(std::ranges::all_of(c.dz.span(), [](float d) { return d == 0; }));
}

TEST_CASE("Diversity: a file without P gives equal shares, not those of before") {
    using Q = PolicyCase<Spec, float>::Q;
    PolicyCase<Spec, float> c;
    c.buffers.diversity.mean.fill(0.75f);
    const std::vector<std::string> missing{"diversity.mean"};
    CHECK(Q::optional_in_file(missing[0]));
    Q::fill_missing(c.params, c.buffers, missing);
    for (const float p : c.buffers.diversity.mean.span()) CHECK(p == doctest::Approx(1.0 / codes));
}

TEST_CASE("Diversity: options") {
    using Q = PolicyCase<Spec, float>::Q;
    const auto refused = [](CodebookOptions o) {
        return support::message<ArgumentError>([&] { check_options<Q>(o); });
    };
    CHECK(refused({.diversity = {.weight = -1}}) ==
          "Codebook: diversity.weight: expected a finite number >= 0, got -1");
    CHECK(refused({.diversity = {.temperature = 0}}) ==
          "Codebook: diversity.temperature: expected a finite number >= 1e-30, got 0");
    CHECK(refused({.diversity = {.decay = 1}}) == "Codebook: diversity.decay: expected a number in [0, 1), got 1");
}

}  // namespace diversity_test
