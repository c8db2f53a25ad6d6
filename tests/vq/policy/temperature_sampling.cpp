#include <tessera/vq/policy/temperature_sampling.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace temperature_sampling_test {

using Spec = Codebook<codes, vq::TemperatureSampling>;

TEST_CASE("TemperatureSampling: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::TemperatureSampling>, Shape<3, 3, 4>>());
}

TEST_CASE("TemperatureSampling: tokens are drawn with the softmax of minus the squared distance over the temperature") {
    using Q = Codebook<3, vq::TemperatureSampling>::Bind<Shape<2>, float>;
    Q::Params params;
    Q::Buffers buffers;
    Q::Packed w;
    Q::Cache cache;
    buffers.book.weight[0] = 1;
    buffers.book.weight[3] = 1;
    buffers.book.weight[4] = -1;
    Q::pack(params, buffers, {.sampling = {.start = 2, .end = 0.1}}, w);
    constexpr std::size_t draws = 20'000;
    Tensor<float, Shape<2>> z{draws}, q{draws};
    for (std::size_t n = 0; n < draws; ++n) z[n][0] = 0.4f;
    Tensor<Token, Shape<1>> tokens{draws};
    Q::forward(w, {.training = true, .rng = Rng{3}}, std::as_const(z), tokens.view(), q.view(), cache);
    std::array<double, 3> count{}, expected{};
    for (const Token t : tokens.span()) count[t] += 1;
    const double distance[] = {0.36, 1.16, 1.96};
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) sum += expected[k] = std::exp(-distance[k] / 2);
    for (std::size_t k = 0; k < 3; ++k) {
        const double p = expected[k] / sum;
        CHECK(std::abs(count[k] / draws - p) < 4 * std::sqrt(p * (1 - p) / draws));
    }
    // in evaluation always the nearest
    Q::forward(w, {}, std::as_const(z), tokens.view(), q.view(), cache);
    CHECK(std::ranges::all_of(tokens.span(), [](Token t) { return t == 0; }));
}

TEST_CASE("TemperatureSampling: the temperature falls along half a cosine of the updates, which a file keeps") {
    using Q = PolicyCase<Spec, float>::Q;
    PolicyCase<Spec, float> c{{.sampling = {.start = 1, .end = 0.2, .steps = 4}}};
    const double expected[] = {1, 0.2 + 0.4 * (1 + std::sqrt(0.5)), 0.6, 0.2 + 0.4 * (1 - std::sqrt(0.5)), 0.2, 0.2};
    c.forward();
    for (const double t : expected) {
        c.pack();
        CHECK(c.w.temperature == doctest::Approx(t).epsilon(1e-12));
        Q::Statistics statistics;
        Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache,
                   statistics);
        Q::update(c.params, c.buffers, statistics, c.options);
    }
    bool found = false;
    Q::Buffers::each([&](const ParamPath& path, const auto&) { found = found || path.str() == "selection.updates"; },
                     c.buffers);
    CHECK(found);
    const std::vector<std::string> missing{"selection.updates"};
    CHECK(Q::optional_in_file(missing[0]));
    Q::fill_missing(c.params, c.buffers, missing);
    CHECK(c.buffers.selection.updates[0] == 0);
}

TEST_CASE("TemperatureSampling: a low temperature takes the nearest, and NaN is refused as by any codebook") {
    PolicyCase<Spec, float> c{{.sampling = {.start = 1e-4, .end = 1e-4}}}, nearest;
    c.forward();
    nearest.forward(false);
    CHECK(support::equal_values(nearest.tokens.span(), c.tokens.span()));
    c.z.data()[5] = std::numeric_limits<float>::quiet_NaN();
    CHECK(support::message<NumericError>([&] { c.forward(); }) ==
          "VqVae: encoder output 5: expected a finite number, got nan");
}

TEST_CASE("TemperatureSampling: options") {
    using Q = PolicyCase<Spec, float>::Q;
    const auto refused = [](CodebookOptions o) {
        return support::message<ArgumentError>([&] { check_options<Q>(o); });
    };
    CHECK(refused({.sampling = {.start = 2, .end = 1, .steps = 5}}) == "");
    CHECK(refused({.sampling = {.start = 0}}) == "Codebook: sampling.start: expected a finite number >= 1e-30, got 0");
    CHECK(refused({.sampling = {.end = -1}}) == "Codebook: sampling.end: expected a finite number >= 1e-30, got -1");
    CHECK(support::message<ArgumentError>([] {
              check_options<PolicyCase<Codebook<codes>, float>::Q>({.sampling = {.steps = 7}});
          }) == "Codebook: sampling.steps: expected the default, because no policy of this codebook reads it, got 7");
}

}  // namespace temperature_sampling_test
