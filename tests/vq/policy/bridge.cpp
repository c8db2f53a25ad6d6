#include <tessera/vq/policy/bridge.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace bridge_test {

using Net = nn::Residual<nn::Linear<8>, nn::Gelu, nn::Linear<width>>;
using Spec = Codebook<codes, vq::Bridge<Net>>;

TEST_CASE("Bridge: keeps the contract of quantizers, also where most vectors are dead in each update") {
    using Contract = Codebook<16, vq::Bridge<Net>>;
    CHECK(support::keeps_quantizer_contract<Contract, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Contract, Shape<3, 3, 4>>(
        {}, CodebookOptions{.ema = {.decay = 0}, .revive = {.below = 1, .grace = 1}}));
}

TEST_CASE("Bridge: the codebook term's gradient reaches net and table, by differences") {
    using Case = PolicyCase<Spec, double>;
    Case c;
    c.forward();
    static_cast<void>(c.regularize());
    const auto loss = [&] {
        c.pack();
        c.forward();
        Case::Q::Params unused;
        return Case::Q::regularize(c.w, std::as_const(c.z), std::as_const(c.tokens), std::as_const(c.q), c.dz.view(),
                                   c.cache, unused, rows)
                   .codebook /
               rows;
    };
    Case::Q::Params::each(
        [&](const ParamPath& path, auto& leaf, const auto& grad) {
            for (std::size_t i = 0; i < leaf.span().size(); ++i) {
                const double value = leaf[i], step = 1e-6;
                leaf[i] = value + step;
                const double above = loss();
                leaf[i] = value - step;
                const double below = loss();
                leaf[i] = value;
                INFO(path.str(), " ", i);
                CHECK(grad[i] == doctest::Approx((above - below) / (2 * step)).epsilon(1e-6).scale(1));
            }
        },
        c.params, c.grad);
}

TEST_CASE("Bridge: a dead vector moves near a row of the batch, one that is chosen stays, and only its table moves") {
    using Case = PolicyCase<Spec, double>;
    using Q = Case::Q;
    Case c{{.ema = {.decay = 0}, .revive = {.below = 0.1, .grace = 3}}};
    c.forward();
    for (std::size_t m = 0; m < rows; ++m) c.tokens.data()[m] = static_cast<Token>(m % 2 == 0 ? 2 : 4);
    const auto updated = [&] {
        Q::Statistics statistics;
        Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache,
                   statistics);
        double present = 0;
        for (const double p : statistics.present.span()) present += p;
        Q::update(c.params, c.buffers, statistics, c.options);
        c.pack();
        return present;
    };
    const auto distance = [&](std::size_t m, std::size_t k) {
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i)
            sum += std::pow(c.z.data()[m * width + i] - c.w.codes.weight[k * width + i], 2);
        return sum;
    };
    // no vector was dead when the weights were packed, so the first update has no candidates
    const auto before = c.params;
    CHECK(updated() == 0);
    CHECK(support::equal_values(before.learned.table.span(), c.params.learned.table.span()));
    CHECK(updated() == 4);
    Q::Params::each(
        [](const ParamPath& path, const auto& was, const auto& is) {
            INFO(path.str());
            if (path.str() != "codebook.table") CHECK(support::equal_values(was.span(), is.span()));
        },
        before, c.params);
    std::size_t nearer = 0;
    for (std::size_t k = 0; k < codes; ++k) {
        const bool chosen = k == 2 || k == 4;
        const double* const row = c.params.learned.table.data() + k * width;
        CHECK(std::equal(row, row + width, before.learned.table.data() + k * width) == chosen);
        CHECK(c.buffers.grace[k] == (chosen ? 0 : 3));
        if (chosen) continue;
        for (std::size_t m = 0; m < rows; ++m)
            nearer += distance(m, k) < 1e-2 * distance(m, m % 2 == 0 ? 2 : 4) ? 1 : 0;
    }
    CHECK(nearer == 4);
}

TEST_CASE("Bridge: a file may leave out what lookup does not need") {
    PolicyCase<Spec, float> c;
    using Q = PolicyCase<Spec, float>::Q;
    CHECK(Q::optional_in_file("codebook.count"));
    CHECK(Q::optional_in_file("codebook.grace"));
    CHECK(!Q::optional_in_file("codebook.table"));
    c.buffers.count.fill(5);
    c.buffers.grace.fill(5);
    Q::fill_missing(c.params, c.buffers, std::vector<std::string>{"codebook.grace"});
    CHECK(std::ranges::all_of(c.buffers.count.span(), [](float n) { return n == 5; }));
    CHECK(std::ranges::all_of(c.buffers.grace.span(), [](float n) { return n == 0; }));
    Q::fill_missing(c.params, c.buffers, std::vector<std::string>{"codebook.count"});
    CHECK(std::ranges::all_of(c.buffers.count.span(), [](float n) { return n == 1; }));
}

TEST_CASE("Bridge: more vectors than are computed at a time") {
    using Q = Codebook<1100, vq::Bridge<nn::Linear<width>>>::Bind<Shape<width>, float>;
    Q::Params params;
    Q::Buffers buffers;
    Q::Packed w;
    Rng rng{1};
    Q::init(params, buffers, rng);
    Q::pack(params, buffers, {}, w);
    const auto& net = std::get<0>(params.net.items);
    for (const std::size_t k : {0u, 511u, 512u, 1023u, 1024u, 1099u})
        for (std::size_t i = 0; i < width; ++i) {
            double sum = static_cast<double>(net.bias[i]);
            for (std::size_t j = 0; j < width; ++j)
                sum += static_cast<double>(params.learned.table[k * width + j]) *
                       static_cast<double>(net.weight[j * width + i]);
            CHECK(static_cast<double>(w.codes.weight[k * width + i]) == doctest::Approx(sum).epsilon(1e-5));
        }
}

}  // namespace bridge_test
